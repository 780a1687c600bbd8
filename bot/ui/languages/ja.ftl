# Every text that people read, in Japanese. The ids and variables are those of en.ftl.
# The prefix of an id says where its text is shown, and so how long it may be (tests/unit/ui/test_language.py).

## Pieces of sentences

credits = { $count }クレジット
songs = { $count }曲
period = { $period ->
    [day] 毎日
    [week] 毎週
   *[month] 毎月
}
# Joins the last permission of a list to the ones before it.
and = { $first }, { $last }
none = なし
number = { $number }

# The names that Discord's settings use.
permission-view-channel = チャンネルを見る
permission-send-messages = メッセージを送信
permission-embed-links = 埋め込みリンク
permission-attach-files = ファイルを添付
permission-send-messages-in-threads = スレッドでメッセージを送信

## Commands and their options

command-music = 曲を作り、管理します
command-music-create = プロンプトから曲を作ります
command-music-custom = タイトル、スタイル、自分の歌詞を指定して曲を作ります
command-music-status = あなたの制作中の曲を表示します
command-music-history = このサーバーでのあなたの曲を新しい順に表示します
command-music-get = あなたの曲を再投稿します
command-music-top = このサーバーの今週のベスト曲を表示します
command-music-credits = クレジットの残りを表示します
command-music-help = まず試したい3つのことを紹介します
command-quota = このサーバーのクレジットを管理します
command-quota-view = サーバー全体の枠、上限、受付停止の状態、利用の多いメンバーを表示します
command-quota-explain = メンバーに関わるルール、その中で適用されるもの、残りのクレジットを表示します
command-quota-ledger = クレジットの動きと設定の変更をすべて、新しい順に表示します
command-quota-export = 台帳全体を表計算ソフト用のファイルでダウンロードします
command-quota-usage = 過去30日間のクレジットの内訳と、利用の多いメンバーをグラフで表示します
command-quota-set = このサーバーが1期間に使えるクレジット数を設定します
command-quota-grant = このサーバーに、有効期限のないボーナスクレジットを付与します
command-quota-member = メンバー個別の上限を表示、設定、解除します
command-quota-role = ロールの上限を表示、設定、解除します。複数のロールがあれば、最も高い上限が適用されます
command-quota-limits = ロールとメンバーの上限をすべて表示・解除します（削除されたロールや退出したメンバーも含む）
command-quota-refund = 完成した曲のクレジットを払い戻します
command-quota-alerts = 割り当ての80%と100%を使ったときの通知先を設定します
command-quota-words = このサーバーの曲で使えない言葉を確認・変更します
command-quota-channels = 曲をリクエストできる場所・投稿先・お知らせ先を確認・設定します
command-quota-managers = /quota を使えるロールを確認・設定します
command-quota-pause = 新しい曲の受付を一時停止します。制作中の曲はそのまま続きます
command-quota-resume = 新しい曲の受付を再開します
command-privacy = 保存されているあなたの情報を表示、ダウンロード、削除します
command-privacy-view = 保存されているあなたの情報とその目的、お問い合わせ先を表示します
command-privacy-export = 保存されているあなたの情報をすべてダウンロードします
command-privacy-delete = 保存されているあなたの情報をすべて削除します

option-prompt = アイデア、雰囲気、ジャンル、楽器など（例:「終電をテーマにした温かいシンセポップ」）
option-instrumental = ボーカルなしで作る
option-model = 作曲に使うモデル
option-avoid = 曲に入れたくないもの（例:「ドラム、合唱」）
option-voice = 歌声の種類
option-duration = 曲の長さ（秒）
option-write-lyrics = 歌詞のテーマ。書き上がった歌詞は、曲を作る前に編集できます
option-search = タイトル、スタイル、歌詞にこの言葉を含む曲だけを表示
option-song = 曲のタイトルを入力してください
option-top-post = 一覧を全員に見えるように投稿する（サーバー管理者のみ）
option-explain-user = 対象のメンバー
option-ledger-user = このメンバーに関する記録だけを表示
option-ledger-kind = この種類の記録だけを表示
option-set-credits = 1期間あたりのクレジット数（運営者が変更していなければ、1曲に10かかります）
option-set-period = 割り当てを更新する周期
option-set-timezone = 更新の基準にするタイムゾーン（「Tokyo」のように都市名で検索、未設定ならUTC）
option-grant-credits = 付与するクレジット数。マイナスにすると、使用も仮押さえもされていない分を取り消します
option-reason = 理由（記録に残ります）
option-limited-user = 対象のメンバー
option-member-credits = 1期間あたりのクレジット数。ロールの上限より優先されます。省略すると現在の上限を表示します
option-role = 対象のロール（@everyone はサーバーの既定）
option-role-credits = メンバー1人の1期間あたりのクレジット数。省略すると現在の上限を表示します
option-limits-clear = 解除する上限。IDか名前を入力して選びます。空欄なら一覧を表示します
option-refund-job = 曲のタイトルかメンバーの名前を入力してください
option-alerts-channel = 通知先のチャンネル。省略すると通知をオフにします
option-words-add = これから使えなくする言葉
option-words-remove = また使えるようにする言葉
option-channels-add = このチャンネルとそのスレッドで曲をリクエストできるようにします（最大10個）
option-channels-remove = 曲をリクエストできなくするチャンネル（削除済みも可）
option-channels-results = どこでリクエストされた曲も、ここに投稿します
option-channels-announce = 新しい曲のリンクをここでお知らせします
option-channels-off = 元に戻す設定
option-managers-add = このロールのメンバーも /quota を使えるようにします（最大10個）
option-managers-remove = /quota を使えなくするロール（削除済みも可）
option-pause-reason = 理由（メンバーに表示されます）

choice-day = 毎日
choice-week = 毎週
choice-month = 毎月
choice-any-voice = 指定なし
choice-female = 女性
choice-male = 男性
choice-grant = 付与
choice-set = 割り当て
choice-hold = 仮押さえ
choice-settle = 確定
choice-release = 返却
choice-refund = 払い戻し
choice-member = メンバーの上限
choice-role = ロールの上限
choice-pause = 受付停止
choice-resume = 受付再開
choice-alerts = 使用量アラート
choice-channels = 曲のチャンネル
choice-managers = 管理ロール
choice-off-asked = どこでもリクエストできるように戻す
choice-off-results = リクエストされた場所に投稿するように戻す
choice-off-announced = お知らせをやめる

## Buttons

button-again = もう一度（{ $credits }）
button-remix = リミックス（{ $credits }）
button-lyrics = 歌詞
button-like = 👍
button-dislike = 👎
button-prompt = プロンプト
button-style = スタイル
button-send = 自分に送る
button-delete = 削除
button-cancel = キャンセル
button-retry = 再試行
button-post = 再投稿
button-edit = 編集して再試行
button-open = テキストを開く
button-more = その他…
button-check = 歌詞を確認
button-form = フォームを開く
button-write-lyrics = 歌詞を書いてもらう
button-pay = はい、{ $credits }で作る
button-take = テイク{ $number }
button-newer = 新しい方へ
button-older = 古い方へ
button-better = 上位へ
button-further = 下位へ
button-clear-member = 上限を解除してロールに従う
button-clear-role = この上限を解除
button-erase = 自分の情報をすべて削除

## The form

form-song = どんな曲を作りますか？
form-remix = 曲をリミックス（{ $credits }）
field-title = タイトル
field-style = スタイル
field-lyrics = 歌詞
field-lyrics-file = 歌詞ファイル
field-prompt = プロンプト
field-vocals = ボーカル
field-with-vocals = ボーカルあり
field-instrumental = インストゥルメンタル
hint-style = ジャンル、雰囲気、楽器、歌声など（例:「夢見るようなシンセウェイブ、女性ボーカル」）
hint-lyrics = インストゥルメンタルの場合は空欄にしてください
hint-lyrics-kept = 新しい歌詞を書かなければ、今の歌詞（{ $length }文字）をそのまま使います
hint-lyrics-file = 代わりに{ $most }文字までの.txtファイルを添付することもできます

## The progress card

card-for = 🎵 **{ $title }** – { $member } さんのリクエスト
card-listen = [聴く]({ $link })
card-why = [理由を見る]({ $link })
card-given-back = { $credits }を返却済み
card-left-of-limit = 上限まで残り{ $credits }
card-left-in-server = サーバーの残り{ $credits }
card-expected = 完成予定: { $when }
card-expected-range = { $from }〜{ $to }
card-any-moment = まもなく
phase-queued = 順番待ち
phase-composing = 作曲中
phase-mixing = ミックス中
phase-posting = 投稿中
phase-done = 完成
phase-undelivered = 完成（未投稿）
phase-failed = 今回は曲を作れませんでした
phase-canceled = キャンセル済み
note-next = 次はこの曲の番です。
note-queued = 先に{ $ahead }曲あります。
note-mention = できあがったらメンションでお知らせします。
note-slow = いつもより時間がかかっていますが、曲は失われていません。確認を続け、できあがったらメンションでお知らせします。
note-parked = 時間がかかりすぎているため、運営者に連絡済みです。
note-undelivered = 曲は完成しましたが、ここにもDMにも投稿できませんでした。曲は数日間保存し、自動で再試行します。このチャンネルの閲覧と投稿をボットに許可し、AutoModの設定も確認してください。「再投稿」を押せば、すぐに試します。
made-custom = カスタム
made-from-prompt = プロンプト
made-instrumental = インストゥルメンタル
made-female = 女性ボーカル
made-male = 男性ボーカル
made-duration = 約{ $length }

## Messages about a song

song-ready = { $mention } 曲が完成しました！
announcement = 🎶 **{ $song }**（{ $member } さん）: { $link }
song-one-take = 音楽サービスから届いたのは1つだけでした
song-first = はじめての曲です！🎉 **もう一度**で別バージョンを作れます。自分の歌詞で作るなら `/music custom` をどうぞ。
text-refused-here = ここではDiscordが曲のテキストを受け付けなかったため、このメッセージには入っていません。
song-untitled = 無題の曲
song-search-older = 以前の曲から「{ $word }」を検索
song-without-text = テキストが残っていない曲
notice-none = { $mention } 申し訳ありません。今回は曲を作れませんでした。
notice-title = 作れなかった曲: { $title }
notice-retry = 「再試行」を押すと、同じ内容であらためてリクエストします。
notice-edit = 「編集して再試行」を押すと、テキストを書き直せます。
notice-wait = テキストは保存されています。サービスが再開したら「テキストを開く」から続けられます。

failure = { $what }{ $credits }は返却されました。
failed-said = 音楽サービスからの返答は「{ $said }」でした。
failed-refused = 音楽サービスがリクエストを受け付けませんでした。
failed-options = 音楽サービスが変わり、この曲で選ばれた指定に新しいサービスが対応していません。
failed-moderated = このテキストは音楽サービスで許可されませんでした。
failed-closed = { $why }
failed-upstream-failed = 音楽サービスがこの曲を作れませんでした。
failed-canceled = 音楽サービス側でこの曲がキャンセルされました。
failed-withdrawn = リクエストはキャンセルされました。
failed-expired = 音楽サービスに時間内に接続できませんでした。
failed-outcome-unknown = 音楽サービスがリクエストを受け付けたか確認できませんでした。曲ができている可能性もありますが、受け取ることはできません。また、同じリクエストを二度送ることはありません。
failed-lost = 音楽サービスにこの曲の記録がもうありません。
failed-audio-gone = 曲はできましたが、数時間試しても音源をダウンロードできませんでした。
failed-internal = ボット側で問題が発生しました。内容は運営者がログで確認できます。
closed-not-open = 音楽サービスの提供がまだ始まっていません。
closed-no-credits = 音楽サービスのボット用アカウントの残高がありません。運営者に連絡済みです。
closed-bad-key = 音楽サービスへの接続設定に誤りがあります。運営者に連絡済みです。

## Answers to buttons

posting-again = 投稿しています。
posted-already = すでに投稿済みです。
canceled = キャンセルしました。{ $credits }は返却されました。
deleted = ここから削除しました。曲が保存されている間は、`/music get` で再投稿できます。
sent = ダイレクトメッセージで送りました: { $link }
reposted = 再投稿しました: { $link }
takes-gone = なお、{ $count }テイクはもう残っていません。
text-avoid = 入れないもの
ask-price = 現在、1曲に{ $now }かかります（ボタンの表示は{ $then }）。このまま作りますか？
ask-price-again = 現在、1曲に{ $now }かかります（以前は{ $then }）。このまま作りますか？

## Refusals: what did not happen, and what to do

nothing-charged = クレジットは消費されていません。
nothing-more-charged = 追加のクレジットは消費されていません。
broken = ボット側で問題が発生しました。{ $charged }少し待ってから、もう一度お試しください。
busy = ただいま混み合っています。{ $charged }少し待ってから、もう一度お試しください。
refused-too-long = { $field ->
    [title] タイトル
    [style] スタイル
    [lyrics] 歌詞
    [avoid] 「入れないもの」
    [reason] 理由
   *[prompt] プロンプト
}が長すぎます（{ $length }文字、上限は{ $limit }文字）。{ $field ->
    [reason] 短くして、もう一度お試しください。
   *[other] { $charged }短くして、もう一度お試しください。
}
refused-no-lyrics = 歌詞がありません。歌詞を書くか、ファイルを追加するか、「インストゥルメンタル」を選んでください。{ $charged }
refused-missing = { $field ->
    [title] タイトルがありません。{ $charged }
    [style] スタイルがありません。{ $charged }
    [reason] 理由がありません。
   *[prompt] プロンプトがありません。{ $charged }
}入力して、もう一度お試しください。
refused-lyrics-in-prompt = 歌詞のようですね。プロンプトは短い一文です。歌詞はフォームに入ります。テキストは入力済みなので、あとはタイトルとスタイルだけです。{ $charged }
refused-file-too-big = 歌詞ファイルが大きすぎます（歌詞は5,000文字まで）。{ $charged }
refused-file-not-text = 歌詞ファイルがプレーンテキストではありません。UTF-8の.txtファイルで保存し直してください。{ $charged }
refused-file-guessed = ファイルの文字コードが分からなかったため、{ $encoding }として読み込みました。冒頭は「{ $beginning }」です。歌詞を確認してから、フォームをもう一度送信してください。{ $charged }
refused-file-empty = 歌詞ファイルが空です。{ $charged }
refused-file-not-fetched = 歌詞ファイルを時間内に取得できませんでした。もう一度試すか、歌詞を貼り付けてください。{ $charged }
refused-model = そのモデルは利用できません。次の中から選んでください: { $models }。{ $charged }
refused-length = 曲の長さを指定できるのは、次のモデルのカスタム曲だけです: { $models }。{ $charged }
refused-no-length = 今は曲の長さを指定できません。指定せずに、もう一度お試しください。{ $charged }
refused-options = この曲では今、{ $options }を指定できません。{ $charged }フォームは指定なしで開きます。
named-avoid = 「入れないもの」
named-voice = ボーカル
named-duration = 長さ
refused-closed = { $why }{ $charged }{ $when }に、もう一度お試しください。
refused-permissions = このチャンネルに投稿できません。ボットに次の権限が必要です: { $names }。サーバー管理者に相談するか、別のチャンネルでお試しください。
refused-outside = サーバー内でのみ使えます。
refused-managers-only = 「サーバー管理」の権限を持つメンバーだけが操作できます。
refused-managers-by-role = 「サーバー管理」の権限か、`/quota managers` で選ばれたロールを持つメンバーだけが操作できます。
refused-unknown-control = そのボタン、フォーム、またはオプションは使えなくなりました。何も変更されていません。コマンドからやり直してください。
refused-range = { $low }から{ $high }までの数を指定してください。何も変更されていません。
refused-range-without-zero = { $low }から{ $high }まで（0を除く）の数を指定してください。何も変更されていません。
refused-operators-period = 更新の周期は、ボットの運営者が全サーバー共通で決めています。周期を指定せずにお試しください。何も変更されていません。
refused-operators-grant = ここでクレジットを付与できるのは、ボットの運営者だけです。何も変更されていません。運営者にご相談ください。
refused-operators-refund = ここでクレジットを払い戻せるのは、ボットの運営者だけです。何も変更されていません。運営者にご相談ください。
refused-no-such-zone = そのタイムゾーンはありません。「Asia/Tokyo」のように一覧から選んでください。何も変更されていません。
refused-no-such-limit = このサーバーにその上限はありません。候補から選んでください。何も変更されていません。
refused-refund-unknown = このサーバーにその曲はありません。候補から選んでください。何も変更されていません。
refused-refund-open = その曲はまだ制作中です。完成してから払い戻してください。何も変更されていません。
refused-refund-released = その曲は完成しなかったため、クレジットはすでに返却されています。何も変更されていません。
refused-refund-refunded = その曲はすでに払い戻し済みです。何も変更されていません。
refused-pool = 1曲に{ $price }かかりますが、このサーバーの残りは{ $left }クレジットです（{ $used }）。割り当ては{ $renews }に更新されます。サーバー管理者は `/quota grant` でクレジットを追加できます。{ $charged }
refused-limit = 1曲に{ $price }かかりますが、あなたの残りは{ $left }クレジットです（{ $used }）。上限は{ $renews }に更新されます。{ $charged }
refused-open-jobs-member = あなたの制作中の曲が、同時に作れる上限の{ $songs }に達しています。1曲届くのを待って、もう一度お試しください。{ $charged }
refused-open-jobs-guild = このサーバーの制作中の曲が、同時に作れる上限の{ $songs }に達しています。1曲届くのを待って、もう一度お試しください。{ $charged }
refused-total = 今月のクレジットを全サーバー合計で使い切りました。{ $renews }にまた曲を作れるようになります。{ $charged }
refused-requests = 1時間に受け付けられるのは{ $limit }件までです。次は{ $until }に受け付けます。
refused-ratings = 10分間に付けられる評価は{ $limit }件までです。次は{ $until }に付けられます。
refused-many-lyrics = 1時間に頼める歌詞は{ $limit }件までです。次は{ $until }に頼めます。
refused-lyrics-underway = 前の歌詞をまだ書いています。届いてから、遅くとも{ $until }にもう一度お試しください。
refused-lyrics-busy = 音楽サービスが混み合っていて、歌詞を書けません。1分後にもう一度試すか、自分で書いてみてください。
refused-lyrics-refused = 音楽サービスが、そのテーマでは歌詞を受け付けませんでした。変更してもう一度お試しください。
refused-lyrics-moderated = 音楽サービスが扱わない内容が含まれています。変更してもう一度お試しください。
refused-lyrics-failed = 今回は歌詞を書けませんでした。もう一度試すか、自分で書いてみてください。
refused-lyrics-late = 歌詞に時間がかかっています。1分後にもう一度お試しください。同じ歌詞が届き、二重に書かれることはありません。
refused-lyrics-unknown = 音楽サービスからはっきりした返事がなく、自動での再試行は行いません。もう一度試すか、歌詞を自分で書いてみてください。
refused-not-served = このサーバーでは曲を作れません。ボットの運営者がこのサーバーを有効にしていません。{ $charged }
refused-paused = このサーバーでは新しい曲の受付を停止しています（理由:「{ $reason }」）。{ $charged }サーバー管理者が受付を再開したら、もう一度お試しください。
refused-word = このサーバーの曲では「{ $word }」を使えません。テキストを変えて、もう一度お試しください。{ $charged }
refused-word-empty = その言葉には比べられる文字がありません。文字か記号を入力してください。
refused-word-too-long = 言葉は{ $limit }文字までです。短くして、もう一度お試しください。
refused-word-too-many = 登録できる言葉は{ $limit }個までです。先にどれかを外してください。
refused-word-unknown = その言葉はこのサーバーの一覧にありません。`/quota words` で確認してください。
refused-channel = このサーバーでは、曲は{ $channels }で作ります。そちらでリクエストしてください。{ $charged }
refused-channels-too-many = 曲をリクエストできるチャンネルは{ $limit }個までです。先にどれかを外してください。
refused-no-such-channel = そのチャンネルは曲のチャンネルではありません。一覧から選んでください。何も変更されていません。
refused-roles-too-many = `/quota` を使えるロールは{ $limit }個までです。先にどれかを外してください。
refused-no-such-role = そのロールは `/quota` を使えるロールではありません。一覧から選んでください。何も変更されていません。
refused-everybody-manages = @everyone にはクレジットを管理させられません。別のロールを選んでください。
refused-texts-gone = その曲のテキストは、もう保存されていません。{ $charged }
refused-tried-again = その曲はすでに再試行済みです。新しい方のメッセージをご確認ください。{ $charged }
refused-already-making = その曲はすでに制作中です。もう一度押しても、新しいリクエストにはなりません。{ $more }
refused-not-your-song = この操作ができるのは、その曲をリクエストした本人だけです。何も変更されていません。
refused-too-late-to-cancel = その曲はもうキャンセルできません。すでに順番待ちを抜けています。
refused-no-such-song = このサーバーに、その曲は見つかりませんでした。候補から選ぶか、`/music history` で確認してください。
refused-not-done-yet = その曲はまだ制作中です。完成したら投稿し、メンションでお知らせします。
refused-song-gone = その曲はもうありません。音源は、ここにも、曲のメッセージにも、音楽サービスにも残っていません。
refused-no-place-to-post = このチャンネルには投稿できません。別のチャンネルで試すか、曲の下の「自分に送る」を使ってください。
refused-too-many-copies = 前の曲をまだお届けしている途中です。届いてから、もう一度お試しください。
refused-no-direct-messages = ダイレクトメッセージを送れませんでした。このサーバーのプライバシー設定で許可してから、もう一度お試しください。
refused-export-running = 前の書き出しがまだ終わっていません。ファイルが届いてから、もう一度お試しください。
refused-leaving = あなたの情報を削除していますが、先に制作中の曲が終わる必要があります。終わってから、もう一度お試しください。{ $charged }
refused-no-room = 今は曲を保存できません。{ $charged }ボットの運営者には通知済みです。
refused-shutting-down = まもなく再起動します。{ $charged }1分ほど待ってから、もう一度お試しください。

pool-used = 割り当ては{ $period }{ $allowance }、うち{ $used }が使用済みまたは仮押さえ中、ボーナスは{ $bonus }
limit-used = { $whose }は{ $period }{ $limit }、うち{ $used }が使用済みまたは仮押さえ中
limit-of-member = 個別の上限
limit-of-named = { $member } の個別の上限
limit-of-everyone = 全員共通の上限
limit-of-role = { $role }の上限

## /music

status-title = あなたの制作中の曲
status-none = ここには、あなたの制作中の曲はありません。`/music create` で作れます。
status-card = [カードを見る]({ $link })
history-title = このサーバーでのあなたの曲
history-found = 「{ $word }」を含むあなたの曲
history-none = まだ曲がありません。`/music create` で作れます。
history-not-found = このサーバーには、タイトル、スタイル、歌詞にこの言葉を含むあなたの曲がありません。
history-searching = 以前の曲を検索しています…
history-search-on = さらに前の曲に見つかるかもしれません。**古い方へ** を押すと検索を続けます。
history-listen = [聴く]({ $link })
history-hint = `/music get` で、この中の曲を再投稿できます。
best-title = 今週のベスト曲
best-none = この7日間の曲には、まだ👍がありません。気に入った曲の下で押してみてください。
best-hint = この7日間の曲を、👍と👎で並べています。多くの人が気に入った曲ほど上位になります。
rated-liked = この曲を👍で評価しました。もう一度👍を押すと取り消せます。
rated-disliked = この曲を👎で評価しました。もう一度👎を押すと取り消せます。
rated-nothing = 評価を取り消しました。ほかの人には表示されていません。
rated-counts = 👍 { $likes } · 👎 { $dislikes }
lyrics-written = 歌詞ができました。フォームを開いて編集できます。送信するまで曲は作られず、クレジットもかかりません。
help-title = さっそく曲を作りましょう 🎶
help-create = `/music create` に、頭の中で鳴っている音を書いてみてください。たとえば「終電をテーマにした温かいシンセポップ」。数分で曲が届き、メンションでお知らせします。1曲に{ $price }かかります。
help-custom = 歌詞がもうあるなら、`/music custom` で好きなタイトルとスタイルの曲にできます。
help-buttons = 気に入った曲があれば、下の**もう一度**で別バージョンを、**リミックス**でテキストを変えた曲を作れます。誰の曲でも大丈夫です。
help-more = 今週のベスト曲は `/music top`、残りは `/music credits`、あなたのこれまでの曲は `/music history`、保存されている情報は `/privacy view` で確認できます。
help-managers = サーバー管理者の方は、まず `/quota view` をどうぞ。

## /quota

credits-title = あなたのクレジット
credits-left = 残り**{ $credits }**です。
credits-left-for = 残り**{ $credits }**で、あと**{ $songs }曲**作れます。
credits-price = 1曲に{ $price }かかります。
credits-your-limit = あなたの上限
quota-title = このサーバーのクレジット
quota-can-spend = 今使えるのは**{ $credits }**です。1曲に{ $price }かかります。
quota-paused = ⏸️ **受付停止中**: { $reason }
quota-ceiling = 割り当ての最大値（運営者が設定）
quota-limits = 上限
quota-top = この期間に利用の多いメンバー
quota-alerts = 使用量アラート
quota-zone = タイムゾーン
pool-allowance = 割り当て
pool-allowance-value = { $period }{ $credits }
pool-used-title = 使用済み
pool-held = 仮押さえ
pool-bonus = ボーナス
pool-bonus-value = { $credits }（有効期限なし）
pool-renews = 割り当ての更新
limits-more = ほか{ $count }個のロール
limits-others = ほか{ $count }件
limits-title = ロールとメンバーの上限
limits-hint = 削除されたロールや退出したメンバーの上限も、/quota limits clear で解除できます
limits-members = ほか{ $count }人の個別の上限
limits-none = なし（サーバー全体の枠のみ）
everyone = 全員
top-none = まだいません
forgotten = 情報を削除したメンバー
explain-title = このメンバーに関わるルール
explain-can-spend = { $member }が今使えるのは**{ $credits }**です。
explain-own = 個別の上限: { $credits }
explain-pool = サーバー全体の枠: 残り{ $credits }
explain-paused = 受付停止中: { $reason }
explain-rules = ルール
explain-decides = 適用されるルール
explain-used = 使用済み
explain-held = 仮押さえ
explain-left = 残り
explain-renews = 更新
decides-pause = 受付停止（新しい曲は作れません）
decides-pool = サーバー全体の枠（{ $used }）
decides-limit = { $whose }: { $period }{ $credits }
changed-allowance = 割り当て: { $period-before }{ $before } → **{ $period-after }{ $after }**。今使えるのは{ $available }です。制作中の曲のクレジットは変わりません。
changed-allowance-cut = ボットの運営者が認めているのは{ $most }までです。
changed-zone = タイムゾーン: { $before } → **{ $after }**。次の更新は{ $renews }です。使用済みのクレジットはそのままです。
changed-nothing = { $what }: **{ $value }** のままです。何も変更されていません。
changed-bonus = ボーナス: { $before } → **{ $after }**（{ $difference }）。理由: { $reason }
changed-limit = { $whose }の上限: { $before } → **{ $after }**。
changed-limit-beyond = すでに{ $count }人がこれを超えて使っており、更新されるまで新しい曲をリクエストできません。
member-limit-own = { $member }には個別の上限があります: 1期間あたり**{ $credits }**。
member-limit-role = { $member }に個別の上限はありません。適用されるのは{ $whose }（{ $credits }クレジット）です。
member-limit-pool = { $member }に個別の上限はありません。適用されるのはサーバー全体の枠だけです。
role-limit-none = { $role }に上限はありません。
role-limit = { $role }: メンバー1人につき、1期間あたり**{ $credits }**。ほかのルールの方が多ければ、そちらが適用されます。
refunded = { $member }の「{ $song }」に**{ $credits }**を払い戻しました。使えるクレジット: { $before } → **{ $after }**。
paused = 受付中 → **受付停止中**（理由: { $reason }）。
paused-ends = `/quota resume` で再開できます。
words-title = このサーバーの曲で使えない言葉
words-none = まだありません
words-hint = どの文字でも、大文字・小文字を区別せず、単語単位で調べます。どの言葉だったかは、断られた本人だけに表示されます。
channels-title = 曲のチャンネル
channels-shown = スレッドは、元のチャンネルと同じ扱いです。
channels-changed = チャンネルの設定を変更しました。制作中の曲は、これまでの場所に投稿されます。
channels-asked = リクエストできる場所
channels-results = 投稿先
channels-announced = お知らせ先
channels-everywhere = すべてのチャンネル
channels-where-asked = リクエストされた場所
channels-hint = 投稿先に投稿できないときは、リクエストされた場所に投稿します。削除済みのチャンネルを外すには: /quota channels remove
channel-gone = 削除済みのチャンネル
managers-title = 管理ロール
managers-shown = これらのロールのメンバーは /quota を使えます。この一覧を変えられるのは「サーバー管理」の権限を持つメンバーだけです。
managers-changed = ロールを変更しました。この一覧を変えられるのは「サーバー管理」の権限を持つメンバーだけです。
managers-roles = ロール
managers-show = コマンドを表示するには
managers-how = Discordは「サーバー管理」の権限を持つメンバーにだけ `/quota` を表示します。サーバー設定 → 連携サービスでこのボットの `/quota` を開き、ロールを追加してください。
role-gone = 削除済みのロール
word-refused = 「{ $word }」は、これから使えません。
word-taken = 「{ $word }」は、また使えるようになりました。
songs-go-on = 制作中の{ $count }曲はそのまま続きます。
resumed = 受付停止中 → **受付中**。新しい曲の受付を再開しました。
resumed-nothing = 受付は停止されていませんでした。
changed-alerts = 使用量アラート: { $before } → **{ $after }**。
changed-alerts-hint = ボットがそのチャンネルを閲覧し、投稿できるようにしてください。
alert-all = ⚠️ このサーバーの割り当てを使い切りました（{ $allowance }のうち{ $used }）。{ $renews }に更新されます。サーバー管理者は、`/quota grant` でクレジットを追加するか、`/quota set` で割り当てを変更できます。
alert-share = ⚠️ このサーバーは割り当ての{ $percent }%を使いました（{ $allowance }のうち{ $used }）。{ $renews }に更新されます。サーバー管理者は、`/quota grant` でクレジットを追加するか、`/quota set` で割り当てを変更できます。
ledger-title = 台帳
ledger-none = まだ何もありません。
ledger-only = 絞り込み
ledger-of = メンバー: { $member }
ledger-bonus = （うちボーナス{ $count }）
ledger-left = 残り{ $credits }
ledger-by = 実行: { $actor }
ledger-by-operator = 実行: ボットの運営者
value-open = 受付中
value-paused = 受付停止中
value-settled = 確定
value-refunded = 払い戻し済み
outcome-hold = 制作中
outcome-settle = 消費
outcome-release = 返却
outcome-refund = 払い戻し
export-cut = すべてを入れるとDiscordで送れない大きさになります。残りはボットの運営者にお問い合わせください。
exported = 記録は{ $count }件です。
usage-title = 過去{ $days }日間
usage-sums = **{ $spent }**を使用、{ $back }クレジットを返却または払い戻しました。
usage-legend = 🟩 使用 🟦 制作中 ⬜ 返却 🟧 払い戻し（1日ごとのクレジット、{ $zone }）
usage-picture = 1日ごとのクレジット（{ $days }日間）
usage-spent = 使用
usage-held = 制作中
usage-released = 返却
usage-refunded = 払い戻し
usage-none = まだ曲がありません。
usage-top = 利用の多いメンバー

## /privacy

privacy-title = 保存されているあなたの情報
privacy-since = { $when }から、{ $servers }個のサーバーでの情報があります。
privacy-counted = ここでは{ $count }まで数えます。すべての情報は `/privacy export` で受け取れます。
privacy-nothing = あなたの情報は何も保存されていません。
privacy-texts = あなたのテキスト
privacy-texts-value = { $songs }分の入力内容と、当時のあなたの名前です。「もう一度」「リミックス」「歌詞」と `/music get` に必要です。曲の完成から{ $days }日後に削除されます。
privacy-drafts = 下書き
privacy-drafts-value = 受け付けられなかったフォーム{ $count }件です。入力内容が失われないように保存され、1日後に削除されます。
privacy-ratings = 評価
privacy-ratings-value = { $count ->
    [0] まだ評価した曲はありません。
   *[other] { $count }曲に付けた👍と👎です。
}評価は `/music top` の順位に使われ、誰が付けたかは表示されません。曲のテキストと一緒に削除されます。
privacy-files = 音源ファイル
privacy-files-value = ボットのディスクにあるファイル{ $count }個です。曲を再投稿できるように保存され、{ $days }日後に削除されます。
privacy-ids = ID
privacy-ids-value = Discordから受け取ったあなたのIDと言語、{ $songs }のメッセージの場所です。曲、クレジット、上限をあなたに結び付けるために使います。
privacy-credits = クレジットと上限
privacy-credits-value = クレジット台帳の記録{ $entries }件{ $limits ->
    [0] です。
   *[other] と、{ $limits }個のサーバーで管理者が設定したあなたの上限です。
}クレジットの紛失や二重使用を防ぎます。削除後も、名前を含まない形で残ります。
privacy-service = 音楽サービス
privacy-service-value = 曲のテキストは、曲を作る音楽サービスに送信されます。このボットでAIの学習に使うことはありません。
privacy-copies = ボットの更新時や復元時に、データベースのコピーが{ $count }個作られました。1週間後に削除されます。
privacy-hash = 以前の削除のあと、あなたのIDの鍵付きハッシュが残っています。利用分や上限を反映する必要がなくなれば消えます。
privacy-leaving = 制作中の曲が終わりしだい、あなたの情報を削除します。
privacy-write = お問い合わせ先
privacy-write-value = `/privacy export` ですべてをダウンロードし、`/privacy delete` で削除できます。ご質問は{ $whom }まで。
privacy-host = このボットの運営者
privacy-owner = このボットの運営者、{ $name }
privacy-exported = 保存されているあなたの情報はこれがすべてです（{ $songs }）。あなただけに表示されています。
privacy-exported-part = 保存されているあなたの情報のうち、送れる分です（{ $songs }）。あなただけに表示されています。
privacy-ask = **保存されているあなたの情報をすべて削除しますか？** テキスト、タイトル、下書き、評価、音源ファイルが、すべてのサーバーから削除されます。あなたのテキストをもとにほかの人が作った曲からも削除されます。元に戻すことはできません。台帳のクレジットの記録は、名前を含まない形で残ります。この期間に使った分と、管理者が設定したあなたの上限は、引き続き有効です。投稿済みのメッセージはDiscordに残ります。消したい場合は、先に各メッセージの下の「削除」ボタンを押してください。
privacy-deleted = 削除しました。ボットにはもう保存されていません。運営者のバックアップには、しばらく残ることがあります。クレジットの記録は、名前を含まない形で残ります。
privacy-replaced = バックアップと入れ替えたデータベースにも残っていることがあります。これは{ $when }を過ぎると削除されます。
privacy-deleting = 削除しました。ボットのファイルに残る痕跡は、1時間以内に上書きされます。クレジットの記録は、名前を含まない形で残ります。
privacy-deleting-on-server = 削除しました。データベースのファイルに残る痕跡は、1日以内に消えます。ログや複製、バックアップには、もう少し残ることがあります。クレジットの記録は、名前を含まない形で残ります。
privacy-waits = 終わっている分は削除しました。残りは、制作中の{ $songs }が終わりしだい削除されます。それまで、新しいリクエストはできません。
