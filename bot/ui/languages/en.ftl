# Every text that people read, in English. The other languages have the same ids and variables.
# The prefix of an id says where its text is shown, and so how long it may be (tests/unit/ui/test_language.py).

## Pieces of sentences

credits = { $count ->
    [one] 1 credit
   *[other] { $count } credits
}
songs = { $count ->
    [one] 1 song
   *[other] { $count } songs
}
period = { $period ->
    [day] day
    [week] week
   *[month] month
}
# Joins the last permission of a list to the ones before it.
and = { $first } and { $last }
none = none
number = { $number }

# The names that Discord's settings use.
permission-view-channel = View Channel
permission-send-messages = Send Messages
permission-embed-links = Embed Links
permission-attach-files = Attach Files
permission-send-messages-in-threads = Send Messages in Threads

## Commands and their options

command-music = Make songs and keep track of them
command-music-create = Make a song from a prompt
command-music-custom = Make a song from your own title, style and lyrics
command-music-status = See your songs in progress
command-music-history = See your songs in this server, newest first
command-music-get = Post one of your songs again
command-music-top = See this server's best songs of the week
command-music-credits = See how many credits you have left
command-music-help = Three things to try first
command-quota = Manage this server's credits
command-quota-view = See the pool, the limits, the pause and the top members
command-quota-explain = See which rules apply to a member, which one decides, and what is left
command-quota-ledger = See every change to credits and settings, newest first
command-quota-export = Download the whole ledger as a file for spreadsheets
command-quota-usage = See a chart of the last 30 days: credits by outcome, and the top members
command-quota-set = Set how many credits this server may use in each period
command-quota-grant = Give this server bonus credits, which never expire
command-quota-member = See, set or clear one member's own limit
command-quota-role = See, set or clear a role's limit; each member gets the highest of their roles
command-quota-limits = See every limit of roles and members, and clear one, even of those who are gone
command-quota-refund = Refund the credits of a finished song
command-quota-alerts = Choose where to warn when 80% and 100% of the allowance are used
command-quota-words = See or change the words that songs here must not contain
command-quota-channels = See or choose where songs may be requested, where they go, and where they are announced
command-quota-managers = See or choose roles whose members may also use /quota
command-quota-pause = Accept no new songs for a while; songs in progress continue
command-quota-resume = Accept new songs again
command-privacy = See, export or delete what is kept about you
command-privacy-view = See what is kept about you, why, and whom to contact
command-privacy-export = Download everything that is kept about you
command-privacy-delete = Delete everything that is kept about you

option-prompt = Idea, mood, genre, instruments: “warm synth pop about the last train home”
option-instrumental = Make it without vocals
option-model = Which model composes the song
option-avoid = What to leave out of the song: “drums, choir”
option-voice = Who sings
option-duration = How long the song should be, in seconds
option-write-lyrics = What the lyrics should be about: I write them, and you edit them before the song is made
option-search = Only songs with this word in their title, style or lyrics
option-song = Start typing the song's title
option-top-post = Post the list here for everyone; server managers only
option-explain-user = The member whose rules to show
option-ledger-user = Only entries about this member
option-ledger-kind = Only entries of this kind
option-set-credits = Credits per period; a song costs 10 unless the operator has set another price
option-set-period = When the allowance renews
option-set-timezone = The time zone in which it renews: start typing a city, like “Berlin”; UTC unless set
option-grant-credits = How many; a negative number takes back credits that are neither used nor held
option-reason = Why; the ledger keeps it
option-limited-user = The member whose limit to see or set
option-member-credits = Credits per period, in place of their roles' limits; leave empty to see the limit
option-role = The role whose limit to see or set; @everyone is the server's default
option-role-credits = Credits per period for each member; leave empty to see the limit
option-limits-clear = The limit to clear: start typing an id or a name; leave empty to see them all
option-refund-job = Start typing the song's title or the member's name
option-alerts-channel = The channel; leave empty to turn alerts off
option-words-add = A word or phrase that songs must not contain from now on
option-words-remove = A word or phrase that songs may contain again
option-channels-add = Songs may be requested here and in its threads; up to 10 channels
option-channels-remove = A channel where songs may no longer be requested, even a deleted one
option-channels-results = Songs are posted here, wherever they were requested
option-channels-announce = Each song is announced here with a link
option-channels-off = What to turn off again
option-managers-add = Members of this role may use /quota; up to 10 roles
option-managers-remove = A role whose members may no longer use /quota, even a deleted one
option-pause-reason = Why; members will read it

choice-day = day
choice-week = week
choice-month = month
choice-any-voice = any voice
choice-female = female
choice-male = male
choice-grant = Grant
choice-set = Allowance
choice-hold = Hold
choice-settle = Settle
choice-release = Release
choice-refund = Refund
choice-member = Member limit
choice-role = Role limit
choice-pause = Pause
choice-resume = Resume
choice-alerts = Alerts
choice-channels = Channels for songs
choice-managers = Managers by role
choice-off-asked = allow requests everywhere again
choice-off-results = go back to posting songs where they were requested
choice-off-announced = stop announcing songs

## Buttons

button-again = Again ({ $credits })
button-remix = Remix ({ $credits })
button-lyrics = Lyrics
button-like = 👍
button-dislike = 👎
button-prompt = Prompt
button-style = Style
button-send = Send to me
button-delete = Delete
button-cancel = Cancel
button-retry = Try again
button-post = Post again
button-edit = Edit and try again
button-open = Open the text
button-more = More …
button-check = Check the lyrics
button-form = Open the form
button-write-lyrics = Write lyrics for me
button-pay = Yes, for { $credits }
button-take = Take { $number }
button-newer = Newer
button-older = Older
button-better = Better
button-further = Further down
button-clear-member = Clear, and use the roles' limits
button-clear-role = Clear this limit
button-erase = Delete everything about me

## The form

form-song = Describe your song
form-remix = Remix ({ $credits })
field-title = Title
field-style = Style
field-lyrics = Lyrics
field-lyrics-file = Lyrics file
field-prompt = Prompt
field-vocals = Vocals
field-with-vocals = With vocals
field-instrumental = Instrumental
hint-style = Genre, mood, instruments, voice: “dreamy synthwave, female voice”
hint-lyrics = Leave empty for an instrumental
hint-lyrics-kept = Your { $length } characters stay unless you write new lyrics here
hint-lyrics-file = Or attach a .txt file of up to { $most } characters

## The progress card

card-for = 🎵 **{ $title }** for { $member }
card-listen = [Listen]({ $link })
card-why = [See why]({ $link })
card-given-back = { $credits } given back
card-left-of-limit = { $credits } left of their limit
card-left-in-server = { $credits } left in this server
card-expected = Ready { $when }
card-expected-range = { $from }, or { $to } if it takes longer
card-any-moment = any moment now
phase-queued = In the queue
phase-composing = Composing
phase-mixing = Mixing
phase-posting = Posting
phase-done = Done
phase-undelivered = Made, but not posted
phase-failed = No song this time
phase-canceled = Cancelled
note-next = Yours is next.
note-queued = { $ahead ->
    [one] 1 song is
   *[other] { $ahead } songs are
} ahead of yours.
note-mention = I'll mention you when it's done.
note-slow = Slower than usual, but your song isn't lost. I'll keep checking, and mention you when it's done.
note-parked = This song is taking far too long. The operator has been notified.
note-undelivered = I couldn't post this song, either here or in a direct message. I'll keep it for a few days and keep trying. Let me see this channel and post here, and check what AutoMod blocks. “Post again” tries at once.
made-custom = custom
made-from-prompt = from a prompt
made-instrumental = instrumental
made-female = female voice
made-male = male voice
made-duration = about { $length }

## Messages about a song

song-ready = { $mention } your song is ready!
announcement = 🎶 **{ $song }** for { $member }: { $link }
song-one-take = the music service made only one
song-first = Your first song! 🎉 Press **Again** for another version, or write your own words with `/music custom`.
text-refused-here = Discord did not accept the song's text here, so this message leaves it out.
song-untitled = Song
song-search-older = Search older songs for “{ $word }”
song-without-text = a song whose text is no longer kept
notice-none = { $mention } sorry, there is no song this time.
notice-title = No song: { $title }
notice-retry = “Try again” starts a new request with the same text.
notice-edit = “Edit and try again” opens your text, so that you can change it.
notice-wait = Your text is saved. When the service is back, “Open the text” lets you continue.

failure = { $what } Your { $credits } are back.
failed-said = It said: “{ $said }”
failed-refused = The music service did not accept the request.
failed-options = The music service has changed since, and the new one doesn't support all of this song's options.
failed-moderated = The music service did not allow this text.
failed-closed = { $why }
failed-upstream-failed = The music service could not make this song.
failed-canceled = The song was cancelled at the music service.
failed-withdrawn = The request was cancelled.
failed-expired = I could not reach the music service in time.
failed-outcome-unknown = The music service did not confirm the request. The song may exist there, but I can't fetch it, and I never send a request twice.
failed-lost = The music service no longer knows this song.
failed-audio-gone = The song was made, but I could not download its audio, even after hours of trying.
failed-internal = Something went wrong on our side. The operator can see it in the log.
closed-not-open = The music service is not open yet.
closed-no-credits = The bot's account at the music service is empty. The operator has been notified.
closed-bad-key = The bot is not set up correctly at the music service. The operator has been notified.

## Answers to buttons

posting-again = I'm posting it now.
posted-already = It has already been posted.
canceled = Cancelled. Your { $credits } are back.
deleted = Deleted here. `/music get` can post it again as long as the song is kept.
sent = Sent to your direct messages: { $link }
reposted = Here it is again: { $link }
takes-gone = { $count ->
    [one] 1 take is
   *[other] { $count } takes are
} gone.
text-avoid = Left out
ask-price = A song costs { $now } now, not { $then } as the button says. Make it anyway?
ask-price-again = A song costs { $now } now, not { $then } as before. Make it anyway?

## Refusals: what did not happen, and what to do

nothing-charged = Nothing was charged.
nothing-more-charged = Nothing more was charged.
broken = Something went wrong on our side.{ $charged } Please try again in a moment.
busy = I'm very busy right now.{ $charged } Please try again in a moment.
refused-too-long = Your { $field ->
    [title] title has
    [style] style has
    [lyrics] lyrics have
    [avoid] list of what to leave out has
    [reason] reason has
   *[prompt] prompt has
} { $length } characters; the limit is { $limit }.{ $charged } Shorten the text and try again.
refused-no-lyrics = Lyrics are missing. Write some, add a file, or choose Instrumental.{ $charged }
refused-missing = { $field ->
    [title] The title is missing.{ $charged }
    [style] The style is missing.{ $charged }
    [reason] The reason is missing.
   *[prompt] The prompt is missing.{ $charged }
} Fill it in and try again.
refused-lyrics-in-prompt = That reads like lyrics, but a prompt is one short line. The form has room for lyrics. Your text is already in it: just add a title and a style.{ $charged }
refused-file-too-big = That lyrics file is too big. Lyrics can have up to 5,000 characters.{ $charged }
refused-file-not-text = That lyrics file is not plain text. Save it as a .txt file in UTF-8.{ $charged }
refused-file-guessed = That file does not say how it is encoded, so I read it as { $encoding }. It begins: “{ $beginning }” Check the lyrics, then send the form again.{ $charged }
refused-file-empty = That lyrics file is empty.{ $charged }
refused-file-not-fetched = I could not fetch the lyrics file in time. Try again, or paste the lyrics.{ $charged }
refused-model = That model is not available. Choose one of these: { $models }.{ $charged }
refused-length = You can choose the length only for custom songs with one of these models: { $models }.{ $charged }
refused-no-length = You can't choose the length of a song at the moment. Leave it out and try again.{ $charged }
refused-options = You can't choose { $options } for this song at the moment.{ $charged } The form opens without that.
named-avoid = what to leave out
named-voice = the voice
named-duration = the length
refused-closed = { $why }{ $charged } Try again { $when }.
refused-permissions = I can't post in that channel: I need the permission { $names }. Ask a server manager, or try another channel.
refused-outside = This works only in servers.
refused-managers-only = Only members with the Manage Server permission can do that.
refused-managers-by-role = Only members with the Manage Server permission, or with a role from `/quota managers`, can do that.
refused-unknown-control = That button, form or option no longer works. Nothing was changed. Please start again with the command.
refused-range = Choose a number from { $low } to { $high }. Nothing was changed.
refused-range-without-zero = Choose a number from { $low } to { $high }, but not 0. Nothing was changed.
refused-operators-period = The operator has set one period for all servers. Leave the period out and try again. Nothing was changed.
refused-operators-grant = Only the bot's operator can grant credits here, so please ask them. Nothing was changed.
refused-operators-refund = Only the bot's operator can refund credits here, so please ask them. Nothing was changed.
refused-no-such-zone = There is no such time zone. Choose one from the list, like “Europe/Berlin”. Nothing was changed.
refused-no-such-limit = This server has no such limit. Choose one from the list. Nothing was changed.
refused-refund-unknown = This server has no such song. Choose one from the list. Nothing was changed.
refused-refund-open = That song is still in progress. Refund it when it's done. Nothing was changed.
refused-refund-released = That song failed, and its credits are already back. Nothing was changed.
refused-refund-refunded = That song has already been refunded. Nothing was changed.
refused-pool = A song costs { $price }, and this server has { $left } left. { $used }. The allowance renews { $renews }. A server manager can add credits with `/quota grant`.{ $charged }
refused-limit = A song costs { $price }, and you have { $left } left. { $used }. Your limit renews { $renews }.{ $charged }
refused-open-jobs-member = You already have { $songs } in progress, which is the limit. Wait for one to arrive, then try again.{ $charged }
refused-open-jobs-guild = This server already has { $songs } in progress, which is the limit. Wait for one to arrive, then try again.{ $charged }
refused-total = All servers together have used up this month's credits. New songs are possible again { $renews }.{ $charged }
refused-requests = You have made { $limit } requests within an hour, which is the limit. You can make the next one { $until }.
refused-ratings = You have given { $limit } ratings within ten minutes, which is the limit. You can give the next one { $until }.
refused-many-lyrics = You have had { $limit } lyrics written within an hour, which is the most anyone can have. The next are possible { $until }.
refused-lyrics-underway = Your last lyrics are still being written. Ask again when they are done, or { $until } at the latest.
refused-lyrics-busy = The music service is too busy for lyrics at the moment. Try again in a minute, or write them yourself.
refused-lyrics-refused = The music service didn't accept that as a subject for lyrics. Change it and try again.
refused-lyrics-moderated = That contains something the music service doesn't write about. Change it and try again.
refused-lyrics-failed = The music service couldn't write lyrics this time. Try again, or write them yourself.
refused-lyrics-late = The lyrics are taking longer than usual. Ask again in a minute: you'll get the same ones, and nothing is written twice.
refused-lyrics-unknown = The music service gave no clear answer, so I won't ask again by myself. Try again, or write the lyrics yourself.
refused-not-served = I don't make songs in this server: my operator hasn't enabled it.{ $charged }
refused-paused = New songs are paused in this server: “{ $reason }”. Try again when a server manager ends the pause.{ $charged }
refused-word = Songs in this server can't contain “{ $word }”. Change the text and try again.{ $charged }
refused-word-empty = That word contains nothing that can be compared. Type letters or symbols.
refused-word-too-long = A word can have up to { $limit } characters. Shorten it and try again.
refused-word-too-many = This server already refuses { $limit } words, which is the most. Remove one first.
refused-word-unknown = That word is not on this server's list. Look at `/quota words`.
refused-channel = In this server, songs are made in { $channels }. Ask for yours there.{ $charged }
refused-channels-too-many = Songs can be requested in up to { $limit } channels. Remove one first.
refused-no-such-channel = That channel is not one of those for songs. Choose one from the list. Nothing was changed.
refused-roles-too-many = Up to { $limit } roles can use `/quota`. Remove one first.
refused-no-such-role = That role is not one of those that may use `/quota`. Choose one from the list. Nothing was changed.
refused-everybody-manages = @everyone can't manage the credits. Choose another role.
refused-texts-gone = The text of that song is no longer kept.{ $charged }
refused-tried-again = You have already tried that song again. Look for its newer message.{ $charged }
refused-already-making = You already have that song in progress. A second press does not count.{ $more }
refused-not-your-song = Only the member who requested that song can do that. Nothing was changed.
refused-too-late-to-cancel = It is too late to cancel that song: it has left the queue.
refused-no-such-song = You have no such song in this server. Choose one from the list, or look at `/music history`.
refused-not-done-yet = That song is still in progress. I'll post it and mention you when it's done.
refused-song-gone = That song is gone. Its audio is no longer here, in its message, or at the music service.
refused-no-place-to-post = I can't post in that channel. Try another one, or use “Send to me” under a song.
refused-too-many-copies = Your last songs are still on their way. Try again when they arrive.
refused-no-direct-messages = I can't send you direct messages. Allow them in this server's privacy settings, then try again.
refused-export-running = Your last export isn't finished yet. Try again when its file has arrived.
refused-leaving = Your data is being deleted, but your songs in progress have to finish first. Try again after that.{ $charged }
refused-no-room = I can't store songs at the moment.{ $charged } The operator has been notified.
refused-shutting-down = I'm about to restart.{ $charged } Please try again in a minute.

pool-used = { $used } of { $allowance } a { $period } are used or held, and the bonus is { $bonus }
limit-used = { $used } of your { $limit } a { $period } are used or held ({ $whose })
limit-of-member = a personal limit
limit-of-named = a limit set for { $member }
limit-of-everyone = the limit of everyone here
limit-of-role = the limit of { $role }

## /music

status-title = Your songs in progress
status-none = You have no songs in progress here. `/music create` makes one.
status-card = [its card]({ $link })
history-title = Your songs in this server
history-found = Your songs with “{ $word }”
history-none = No songs yet. `/music create` makes one.
history-not-found = None of your songs here has that in its title, style or lyrics.
history-searching = Searching your older songs …
history-search-on = There may be more further back: **Older** keeps searching.
history-listen = [listen]({ $link })
history-hint = `/music get` posts one of them again.
best-title = Best songs of the week
best-none = No song of the last seven days has a 👍 yet. Press it under one that you like.
best-hint = Songs of the last seven days, ranked by the 👍 and 👎 under them. A song that many like comes before one with a single 👍.
rated-liked = You like this song. Press 👍 again to take that back.
rated-disliked = You don't like this song. Press 👎 again to take that back.
rated-nothing = Your rating is gone. Nobody else saw it.
rated-counts = 👍 { $likes } · 👎 { $dislikes }
lyrics-written = Here are your lyrics. Open the form to change them; a song is made, and paid for, only when you send it.
help-title = Let's make a song 🎶
help-create = Type `/music create` and say what you hear in your head: “warm synth pop about the last train home”. A few minutes later it's here, and I mention you. A song costs { $price }.
help-custom = Have lyrics already? `/music custom` sings them, with your title and in your style.
help-buttons = Like a song here? Press **Again** under it for another version, or **Remix** to change its words first. Any song is fair game.
help-more = `/music top` shows this server's best songs of the week, and `/music history` your own. `/music credits` shows what you have left, and `/privacy view` what is kept about you.
help-managers = You manage this server? Start with `/quota view`.

## /quota

credits-title = Your credits
credits-left = **{ $credits }** left.
credits-left-for = **{ $credits }** left, enough for { $songs ->
    [one] **1** song
   *[other] **{ $songs }** songs
}.
credits-price = A song costs { $price }.
credits-your-limit = Your limit
quota-title = This server's quota
quota-can-spend = **{ $credits }** can be spent now. A song costs { $price }.
quota-paused = ⏸️ **Paused**: { $reason }
quota-ceiling = Operator's ceiling
quota-limits = Limits
quota-top = Top members this period
quota-alerts = Budget alerts
quota-zone = Time zone
pool-allowance = Allowance
pool-allowance-value = { $credits } a { $period }
pool-used-title = Used
pool-held = Held for songs
pool-bonus = Bonus
pool-bonus-value = { $credits } (does not expire)
pool-renews = Allowance renews
limits-more = and { $count ->
    [one] 1 more role
   *[other] { $count } more roles
}
limits-others = and { $count ->
    [one] 1 more limit
   *[other] { $count } more limits
}
limits-title = Limits of roles and members
limits-hint = To remove one, even of a deleted role or somebody who left: /quota limits clear
limits-members = and { $count ->
    [one] 1 more member with a limit
   *[other] { $count } more members with a limit
}
limits-none = none, only the pool
everyone = everyone
top-none = nobody yet
forgotten = a member whose data was deleted
explain-title = Rules for this member
explain-can-spend = { $member } can spend **{ $credits }** now.
explain-own = Own limit: { $credits }
explain-pool = The server's pool: { $credits } left
explain-paused = Paused: { $reason }
explain-rules = Rules
explain-decides = Decides
explain-used = Used
explain-held = Held
explain-left = Left
explain-renews = Renews
decides-pause = the pause: no new songs
decides-pool = the server's pool: { $used }
decides-limit = { $whose }: { $credits } a { $period }
changed-allowance = Allowance: { $before } a { $period-before } → **{ $after } a { $period-after }**. { $available } can be spent now. Songs in progress keep their credits.
changed-allowance-cut = The bot's operator allows no more than { $most }.
changed-zone = Time zone: { $before } → **{ $after }**. The allowance renews on { $renews }; what was used stays used.
changed-nothing = { $what }: still **{ $value }**. Nothing was changed.
changed-bonus = Bonus: { $before } → **{ $after }** ({ $difference }). Reason: { $reason }
changed-limit = Limit of { $whose }: { $before } → **{ $after }**.
changed-limit-beyond = { $count ->
    [one] 1 member has
   *[other] { $count } members have
} already used more and must wait until it renews.
member-limit-own = { $member } has their own limit: **{ $credits }** a period.
member-limit-role = { $member } has no limit of their own. Instead, { $whose } applies: { $credits }.
member-limit-pool = { $member } has no limit of their own. Only the server's pool applies.
role-limit-none = { $role } has no limit.
role-limit = { $role }: **{ $credits }** a period for each member, unless another rule gives more.
refunded = Refunded **{ $credits }** for “{ $song }” by { $member }. Can be spent: { $before } → **{ $after }**.
paused = Open → **paused**: { $reason }.
paused-ends = `/quota resume` ends it.
words-title = Words that songs here can't contain
words-none = none yet
words-hint = Whole words count, in any script and regardless of case. Only the member whose text is refused sees which word it was.
channels-title = Channels for songs
channels-shown = A channel's threads count as the channel itself.
channels-changed = The channels were changed. Songs in progress go where they would have gone before.
channels-asked = Requested in
channels-results = Posted in
channels-announced = Announced in
channels-everywhere = every channel
channels-where-asked = where they were requested
channels-hint = A song that can't be posted in its channel is posted where it was requested. To remove a deleted channel: /quota channels remove
channel-gone = deleted channel
managers-title = Managers by role
managers-shown = Members of these roles may use /quota. Only members with the Manage Server permission change this list.
managers-changed = The roles were changed. Only members with the Manage Server permission change this list.
managers-roles = Roles
managers-show = How to show them the commands
managers-how = Discord shows `/quota` only to members with the Manage Server permission. Open Server Settings → Integrations, choose this bot, then `/quota`, and add the role there.
role-gone = deleted role
word-refused = “{ $word }” is refused from now on.
word-taken = “{ $word }” may be sung again.
songs-go-on = { $count ->
    [one] 1 song in progress continues.
   *[other] { $count } songs in progress continue.
}
resumed = Paused → **open**: new songs are accepted again.
resumed-nothing = New songs were not paused.
changed-alerts = Budget alerts: { $before } → **{ $after }**.
changed-alerts-hint = Please make sure that I can see that channel and post there.
alert-all = ⚠️ This server has used up its allowance: { $used } of { $allowance }. It renews { $renews }. A server manager can add credits with `/quota grant`, or change the allowance with `/quota set`.
alert-share = ⚠️ This server has used { $percent }% of its allowance: { $used } of { $allowance }. It renews { $renews }. A server manager can add credits with `/quota grant`, or change the allowance with `/quota set`.
ledger-title = Ledger
ledger-none = Nothing yet.
ledger-only = Only
ledger-of = of { $member }
ledger-bonus = ({ $count } from the bonus)
ledger-left = { $credits } left
ledger-by = by { $actor }
ledger-by-operator = by the bot's operator
value-open = open
value-paused = paused
value-settled = settled
value-refunded = refunded
outcome-hold = in progress
outcome-settle = paid
outcome-release = given back
outcome-refund = refunded
export-cut = The full export would be too large for Discord. Ask the bot's operator for the rest.
exported = { $count ->
    [one] 1 entry.
   *[other] { $count } entries.
}
usage-title = The last { $days } days
usage-sums = **{ $spent }** spent, { $back } given back or refunded.
usage-legend = 🟩 spent 🟦 in progress ⬜ given back 🟧 refunded; credits per day ({ $zone }).
usage-picture = Credits a day, last { $days } days
usage-spent = spent
usage-held = in progress
usage-released = given back
usage-refunded = refunded
usage-none = No songs yet.
usage-top = Top members

## /privacy

privacy-title = What is kept about you
privacy-since = Since { $when }, in { $servers ->
    [one] 1 server
   *[other] { $servers } servers
}.
privacy-counted = Numbers here stop at { $count }. `/privacy export` has everything.
privacy-nothing = Nothing is kept about you.
privacy-texts = Your texts
privacy-texts-value = What you typed for { $songs }, with your name at the time. It makes Again, Remix, Lyrics and `/music get` work. Deleted { $days ->
    [one] 1 day
   *[other] { $days } days
} after the song is done.
privacy-drafts = Drafts
privacy-drafts-value = { $count ->
    [one] 1 refused form
   *[other] { $count } refused forms
}, so that nothing you typed is lost. Deleted after a day.
privacy-ratings = Ratings
privacy-ratings-value = { $count ->
    [0] You haven't rated a song yet.
    [one] Your 👍 or 👎 on 1 song.
   *[other] Your 👍 and 👎 on { $count } songs.
} Ratings count in `/music top`; nobody sees whose they are. They are deleted with the texts of the song.
privacy-files = Audio files
privacy-files-value = { $count ->
    [one] 1 file
   *[other] { $count } files
} on the bot's disk, so that your songs can be posted again. Deleted after { $days ->
    [one] 1 day
   *[other] { $days } days
}.
privacy-ids = Ids
privacy-ids-value = Your id and language from Discord, and where the messages of { $songs } are. They connect songs, credits and limits to you.
privacy-credits = Credits and limits
privacy-credits-value = { $entries ->
    [one] 1 entry
   *[other] { $entries } entries
} in the credit ledger{ $limits ->
    [0] .
    [one] , and a limit that managers set for you in 1 server.
   *[other] , and limits that managers set for you in { $limits } servers.
} They keep credits from being lost or spent twice. They stay after a deletion, without your name.
privacy-service = The music service
privacy-service-value = The text of a song goes to the music service, which makes it. Nothing here is trained on it.
privacy-copies = Updates or a restore of the bot left { $count ->
    [one] a copy
   *[other] { $count } copies
} of its database. { $count ->
    [one] It is
   *[other] They are
} deleted after a week.
privacy-hash = A keyed hash of your id remains from an earlier deletion. It is removed once your usage and your limits no longer need to count.
privacy-leaving = Your deletion is waiting for your songs in progress.
privacy-write = Contact
privacy-write-value = `/privacy export` gives you all of it, and `/privacy delete` deletes it. Any questions? Write to { $whom }.
privacy-host = the operator of this bot
privacy-owner = { $name }, the operator of this bot
privacy-exported = Here is everything that is kept about you: { $songs }. Only you can see this.
privacy-exported-part = Here is what is kept about you, as far as it fits: { $songs }. Only you can see this.
privacy-ask = **Delete everything that is kept about you?** This deletes your texts, titles, drafts, ratings and audio files in all servers. They also disappear from songs that others made from your texts. This can't be undone. Credits in the ledger stay, without your name. What you used this period and your limits from managers still count. Messages that were posted stay in Discord. To remove them, choose Delete under each one first.
privacy-deleted = Deleted. The bot no longer keeps any of it. The operator's backups may still have it for a while. Credit entries stay, without your name.
privacy-replaced = A database that was replaced by a backup may have it too. It is deleted after { $when }.
privacy-deleting = Deleted. Traces in the bot's files are overwritten within an hour. Credit entries stay, without your name.
privacy-deleting-on-server = Deleted. Traces in the database's files are removed within a day. Its log, copies and backups may have them for longer. Credit entries stay, without your name.
privacy-waits = Everything finished is deleted. The rest follows after { $songs } in progress. Until then you can't request anything new.
