# Everything that people read, in English. The other languages have the same names and the same $facts.
# What a name begins with tells where it is shown, and so how long it may be (tests/ui/test_language.py).

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
# A list of permissions, the last one joined to the others.
and = { $first } and { $last }
none = none
number = { $number }

# As Discord's settings name them.
permission-view-channel = View Channel
permission-send-messages = Send Messages
permission-embed-links = Embed Links
permission-attach-files = Attach Files
permission-send-messages-in-threads = Send Messages in Threads

## Commands and their options

command-music = Make songs and look after them
command-music-create = Make a song from a prompt
command-music-custom = Make a song from a title, a style and your own lyrics
command-music-status = Your songs in progress
command-music-history = Your songs in this server, newest first
command-music-get = Post one of your songs again
command-music-credits = What is left to make songs with
command-music-help = The first three things to try
command-quota = Keep the credits of this server
command-quota-view = The pool, the limits, the pause, and who has spent most
command-quota-explain = Which rules hold for a member, which one decides, and what is left
command-quota-ledger = Every movement of credits and every change, newest first
command-quota-export = The whole ledger as a file for spreadsheets
command-quota-usage = A picture of the last 30 days: credits by outcome, and the top members
command-quota-set = Set how many credits the server may use in each period
command-quota-grant = Give the server bonus credits, which do not expire
command-quota-member = A member's own limit: see it, set it, or clear it back to the roles
command-quota-role = The limit of everybody with a role; the highest of a member's roles holds
command-quota-refund = Give back the credits of a song that is done
command-quota-alerts = Where to tell that 80 % and 100 % of the allowance are used
command-quota-pause = Take no new songs for a while; songs in progress go on
command-quota-resume = Take new songs again
command-privacy = What is kept about you
command-privacy-view = What is kept about you, why, and where to write
command-privacy-export = Everything that is kept about you, as a file
command-privacy-delete = Delete everything that is kept about you

option-prompt = Idea, mood, genre, instruments: “warm synth pop about the last train home”
option-instrumental = Without a voice
option-model = The model that composes
option-avoid = What is not to be in the song: “drums, choir”
option-voice = Who is to sing
option-search = Only songs with this word in their title, style or lyrics
option-song = The song: type its title
option-explain-user = Whose rules
option-ledger-user = Only what concerns this member
option-ledger-kind = Only entries of this kind
option-set-credits = Credits a period; a song costs 10 unless the operator has set another price
option-set-period = When the allowance renews (UTC)
option-grant-credits = How many; a negative number takes back what is neither used nor held
option-reason = Why; kept
option-limited-user = Whose limit
option-member-credits = Credits a period, over what their roles give; leave it out to see it
option-role = Whose limit; @everyone is the server's default
option-role-credits = Credits a period for each of them; leave it out to see it
option-refund-job = The song: type its title or the member's name
option-alerts-channel = The channel; leave it out to tell nobody
option-pause-reason = Why; members read it

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

## Buttons

button-again = Again ({ $credits })
button-remix = Remix
button-lyrics = Lyrics
button-send = Send to me
button-delete = Delete
button-cancel = Cancel
button-retry = Try again
button-post = Post again
button-edit = Edit and try again
button-pay = Yes, for { $credits }
button-take = Take { $number }
button-newer = Newer
button-older = Older
button-clear-member = Clear: back to the roles
button-clear-role = Clear this limit
button-erase = Delete everything about me

## The form

form-song = Describe your song
form-remix = Remix the song
field-title = Title
field-style = Style
field-lyrics = Lyrics
field-lyrics-file = Lyrics file
field-prompt = Prompt
field-vocals = Vocals
field-with-vocals = With vocals
field-instrumental = Instrumental
hint-style = Genre, mood, instruments, voice: “dreamy synthwave, female voice”
hint-lyrics = Not needed for an instrumental
hint-lyrics-kept = The { $length } characters stay unless you write others here
hint-lyrics-file = Or a .txt file of up to { $most } characters, in place of the field

## The card, which follows a song

card-price = Price
card-given-back = { $price } given back
card-left-of-limit = Left of their limit
card-left-in-server = Left in this server
card-asked = Requested { $when }.
card-expected = Expected
card-expected-range = { $from } to { $to }
card-any-moment = any moment now
phase-queued = Queued
phase-composing = Composing
phase-mixing = Mixing
phase-posted = Posted
state-next = **In the queue**: yours is next.
state-queued = **In the queue**: { $ahead ->
    [one] 1 song comes
   *[other] { $ahead } songs come
} first.
state-submitting = **Handing it over** to the music service.
state-composing = **Composing.** I will mention you when it is done.
state-slow = **Composing**, slower than usual. It is not lost: I keep asking, and will mention you.
state-parked = **Still not done.** This song takes far too long; the operator has been told.
state-mixing = **Mixing**: the song is made, and its audio is on the way.
state-posting = **Posting** the song.
state-done = **Done** { $when }, after { $took } min.
state-done-listen = **Done** { $when }, after { $took } min. [Listen]({ $link })
state-undelivered = **Made, but I could not post it.** The song is kept for some days: let me see and post in this channel, then press “Post again”.
state-failed = **No song this time.** { $why }
made-custom = custom
made-from-prompt = from a prompt
made-instrumental = instrumental
made-female = female voice
made-male = male voice

## Messages about a song

song-ready = { $mention } your song is ready!
song-takes = { $count ->
    [one] 1 take (the music service made only one)
   *[other] { $count } takes
}
text-refused-here = Discord did not accept the song’s text in this place, so this message leaves it out.
song-untitled = Song
song-without-words = a song whose words are no longer kept
notice-none = { $mention } there is no song this time.
notice-title = No song: { $title }
notice-retry = “Try again” makes a new request with the same words.

failure = { $what } Your { $credits } are back.
failed-said = It said: “{ $said }”
failed-refused = The music service did not accept the request.
failed-moderated = The music service refused the words.
failed-closed = { $why } Nothing was charged.
failed-upstream-failed = The music service could not make this song.
failed-canceled = The song was canceled at the music service.
failed-withdrawn = The request was taken back.
failed-expired = The music service could not be reached for too long.
failed-outcome-unknown = The music service did not confirm the request. The song may have been started there, but it can't be fetched, and I don't send a request twice.
failed-lost = The music service no longer knows this song.
failed-audio-gone = The song was made, but its audio could not be fetched from the music service for hours.
failed-internal = Something went wrong on our side; the operator can see it in the log.
closed-not-open = Music is not open at the provider yet.
closed-no-credits = The bot's account at the music provider is empty; its operator has been told.
closed-bad-key = The bot is misconfigured at the music provider; its operator has been told.

## Answers to buttons

posting-again = I am posting it now.
posted-already = It has been posted.
canceled = Taken back. The { $credits } are back.
deleted = Deleted here. As long as the song is kept, `/music get` posts it again.
sent = Sent to your direct messages: { $link }
reposted = Here it is again: { $link }
takes-gone = { $count ->
    [one] 1 take of it is
   *[other] { $count } takes of it are
} gone.
words-avoid = Not in it
ask-price = A song costs { $now } now, and not { $then } as on the button. Make it anyway?
ask-price-again = A song costs { $now } now, and not { $then } as before. Make it anyway?

## Why something was refused: what did not happen, and what to do

broken = Something went wrong on our side; nothing was charged. Please try again in a moment.
busy = The bot is very busy just now. Nothing was charged; please try again in a moment.
refused-too-long = The { $field ->
    [title] title
    [style] style
    [lyrics] lyrics
    [avoid] list of what to avoid
    [reason] reason
   *[prompt] prompt
} has { $length } characters; { $limit } is the most. Nothing was charged: shorten it and try again.
refused-no-lyrics = Lyrics are missing. Write some, add a file, or choose Instrumental. Nothing was charged.
refused-missing = The { $field ->
    [title] title
    [style] style
    [reason] reason
   *[prompt] prompt
} is missing. Nothing was charged: fill it in and try again.
refused-file-too-big = That lyrics file is larger than any lyrics can be (5,000 characters). Nothing was charged.
refused-file-not-text = That lyrics file is no plain text. Save it as a .txt file in UTF-8. Nothing was charged.
refused-file-empty = That lyrics file is empty. Nothing was charged.
refused-file-not-fetched = The lyrics file could not be fetched in time. Try again, or paste the lyrics. Nothing was charged.
refused-model = That model is not on offer. Choose one of: { $models }. Nothing was charged.
refused-closed = { $why } Nothing was charged. Try again { $when }.
refused-permissions = I can't post a song in this channel: I need the permission { $names }. Ask a server manager, or try another channel. Nothing was charged.
refused-outside = This works in servers only.
refused-managers-only = Only members with the Manage Server permission can do that.
refused-range = Choose a number from { $low } to { $high }. Nothing was changed.
refused-operators-period = The bot's operator has set one period for all servers. Leave it out; nothing was changed.
refused-operators-grant = Here only the bot's operator grants credits. Nothing was changed; ask them.
refused-operators-refund = Here only the bot's operator refunds credits. Nothing was changed; ask them.
refused-refund-unknown = There is no such song in this server. Choose one from the list; nothing was changed.
refused-refund-open = That song is still in progress. Refund it when it is done; nothing was changed.
refused-refund-released = That song failed, and its credits are back already. Nothing was changed.
refused-refund-refunded = That song has been refunded already. Nothing was changed.
refused-pool = A song costs { $price }, and this server has { $left } left: { $used }. The allowance renews { $renews }; a server manager can add credits with `/quota grant`. Nothing was charged.
refused-limit = A song costs { $price }, and you have { $left } left: { $used }. It renews { $renews }. Nothing was charged.
refused-open-jobs-member = You have { $songs } in progress, which is the most at a time. Wait for one to arrive, then try again. Nothing was charged.
refused-open-jobs-guild = This server has { $songs } in progress, which is the most at a time. Wait for one to arrive, then try again. Nothing was charged.
refused-total = All servers together have used up this month's credits. New songs are possible { $renews }. Nothing was charged.
refused-not-served = I don't make songs in this server: the person who runs me hasn't enabled it. Nothing was charged.
refused-paused = New songs are paused in this server: “{ $reason }”. Nothing was charged; try again when a server manager has ended the pause.
refused-words-gone = The words of that song are no longer kept. Nothing was charged.
refused-tried-again = You have tried that song again already: look for its newer message. Nothing was charged.
refused-already-making = That song is in progress for you already; a press counts once. Nothing more was charged.
refused-not-your-song = Only the one who asked for that song can do that. Nothing was changed.
refused-too-late-to-cancel = It is too late to cancel that song: it is no longer queued.
refused-no-such-song = You have no such song in this server. Choose one from the list, or look at `/music history`.
refused-not-done-yet = That song is still in progress. I will post it and mention you when it is done.
refused-song-gone = That song is gone: its audio is neither kept here any more, nor in its message, nor at the music service. Nothing was charged.
refused-no-place-to-post = I can't post it in this channel. Try another one, or “Send to me”. Nothing was charged.
refused-too-many-copies = Your last songs are still on their way. Try again when they are here. Nothing was charged.
refused-no-direct-messages = I can't send you direct messages. Allow them in this server's privacy settings, then try again.
refused-leaving = Your data is being deleted, which waits for your songs in progress. Try again when they are done; nothing was charged.
refused-shutting-down = The bot is about to restart. Nothing was charged; please try again in a minute.

pool-used = { $used } of { $allowance } a { $period } are used or held, and the bonus is { $bonus }
limit-used = { $used } of your { $limit } a { $period } are used or held, { $whose }
limit-of-member = a limit set for you
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
history-listen = [listen]({ $link })
history-hint = `/music get` posts one of them again.
help-title = Three things to try first
help-create = **1.** `/music create` and a line like “warm synth pop about the last train home”. Minutes later the song is here, and I mention you. A song costs { $price }; `/music credits` tells what is left.
help-custom = **2.** `/music custom` for your own title, style and lyrics. What you type is never lost, whatever happens.
help-buttons = **3.** Under a song: **Again** for another run of it, **Remix** to change its words first, **Send to me** for a copy. They work for everybody here, on their own credits.
help-more = `/music status` tells how your songs stand, `/music history` and `/music get` bring earlier ones back, `/privacy view` what is kept about you.
help-managers = Server managers: `/quota view` and the commands next to it manage the credits.

## /quota

purse-title = Credits left to you
purse-left = **{ $credits }** left.
purse-left-for = **{ $credits }** left, enough for { $songs ->
    [one] **1** song
   *[other] **{ $songs }** songs
}.
purse-price = A song costs { $price }.
purse-your-limit = Your limit
quota-title = Quota of this server
quota-can-spend = **{ $credits }** can be spent now; a song costs { $price }.
quota-paused = ⏸️ **Paused**: { $reason }
quota-ceiling = Operator's ceiling
quota-limits = Limits
quota-top = Most spent in this period
quota-alerts = Budget alerts
pool-allowance = Allowance
pool-allowance-value = { $credits } a { $period }
pool-used-title = Used
pool-held = Held for songs in progress
pool-bonus = Bonus
pool-bonus-value = { $credits } (does not expire)
pool-renews = Allowance renews
limits-more = and { $count ->
    [one] 1 more role
   *[other] { $count } more roles
}
limits-members = members with a limit of their own: { $count }
limits-none = none but the pool
everyone = everyone
top-none = nobody yet
forgotten = somebody who was forgotten
explain-title = What holds for this member
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
changed-allowance = Allowance: { $before } a { $period-before } → **{ $after } a { $period-after }**. { $available } can be spent now; songs in progress keep theirs.
changed-allowance-cut = The bot's operator allows no more than { $most }.
changed-bonus = Bonus: { $before } → **{ $after }** ({ $difference }). Reason: { $reason }
changed-limit = Limit of { $whose }: { $before } → **{ $after }**.
changed-limit-beyond = { $count ->
    [one] 1 member has
   *[other] { $count } members have
} used more already and can ask for nothing until it renews.
member-limit-own = { $member } has a limit of their own: **{ $credits }** a period.
member-limit-role = { $member } has no limit of their own; what decides is { $whose }, { $credits }.
member-limit-pool = { $member } has no limit of their own; what decides is the server's pool alone.
role-limit-none = There is no limit for { $role }.
role-limit = { $role }: **{ $credits }** a period for each member, unless another rule gives more.
refunded = Refunded **{ $credits }** for “{ $song }” of { $member }. Can be spent: { $before } → **{ $after }**.
paused = Open → **paused**: { $reason }.
paused-ends = `/quota resume` ends it.
songs-go-on = { $count ->
    [one] 1 song in progress goes
   *[other] { $count } songs in progress go
} on.
resumed = Paused → **open**: new songs are taken again.
resumed-nothing = It was not paused.
changed-alerts = Budget alerts: { $before } → **{ $after }**.
changed-alerts-hint = I have to be able to see it and to post there.
alert-all = ⚠️ This server's allowance is used up: { $used } of { $allowance }. It renews { $renews }; a server manager can add credits with `/quota grant`, or set another allowance with `/quota set`.
alert-share = ⚠️ { $percent } % of the allowance is used: { $used } of { $allowance }. It renews { $renews }; a server manager can add credits with `/quota grant`, or set another allowance with `/quota set`.
ledger-title = Ledger
ledger-none = Nothing yet.
ledger-only = Only
ledger-of = of { $member }
ledger-bonus = ({ $count } of the bonus)
ledger-by = by { $actor }
ledger-by-operator = by the bot's operator
value-open = open
value-paused = paused
value-settled = settled
value-refunded = refunded
exported = { $count ->
    [one] 1 entry.
   *[other] { $count } entries.
}
usage-title = The last { $days } days
usage-sums = **{ $spent }** spent, { $back } given back or refunded.
usage-legend = 🟩 spent 🟦 in progress ⬜ given back 🟧 refunded; credits a day (UTC).
usage-none = No songs yet.
usage-top = Most spent by

## /privacy

privacy-title = What is kept about you
privacy-since = Since { $when }, in { $servers ->
    [one] 1 server
   *[other] { $servers } servers
}.
privacy-nothing = Nothing is kept about you.
privacy-words = Your words
privacy-words-value = What you typed for { $songs }, with your name as it was then: so that Again, Remix, Lyrics and `/music get` work. Dropped { $days } days after the song was done.
privacy-drafts = Drafts
privacy-drafts-value = { $count ->
    [one] 1 refused form
   *[other] { $count } refused forms
}: so that nothing you typed is lost. Dropped after a day.
privacy-files = Audio files
privacy-files-value = { $count ->
    [one] 1 file
   *[other] { $count } files
} on the bot's disk: so that a song can be posted again. Dropped after { $days } days.
privacy-ids = Ids
privacy-ids-value = Your id and your language as Discord tells them, and where your { $songs } stand: so that songs, credits and limits are yours.
privacy-credits = Credits and limits
privacy-credits-value = { $entries ->
    [one] 1 entry
   *[other] { $entries } entries
} in the ledger of credits, and limits that managers set for you in { $limits ->
    [one] 1 server
   *[other] { $limits } servers
}: so that nobody's credits are lost or spent twice. They stay after a deletion, without your name.
privacy-service = The music service
privacy-service-value = The words of a song are sent to the music service, which makes it. They train nothing here.
privacy-copies = The bot made { $count ->
    [one] a copy
   *[other] { $count } copies
} of its database when it was updated. { $count ->
    [one] It is
   *[other] They are
} removed after a week.
privacy-hash = Of an earlier deletion a keyed hash of your id is kept, as long as what you used in the period or a limit that a manager set has to count.
privacy-leaving = A deletion waits for your songs in progress.
privacy-write = Where to write
privacy-write-value = `/privacy export` gives you all of it, `/privacy delete` deletes it. Write to { $whom }.
privacy-host = the operator of this bot
privacy-owner = { $name }, who hosts this bot
privacy-exported = Everything that is kept about you: { $songs }. Only you can see this.
privacy-ask = **Delete everything that is kept about you?** Your words, titles, drafts and audio files go, in all servers, also from songs that others made of your words. It can't be undone. Credits in the ledger stay, without your name; what you used in this period and limits that managers set for you go on to count. Messages that were posted stay in Discord: delete them with the button under them first, if you want.
privacy-deleted = Deleted. Nothing of it is kept any more; entries of credits stay without your name.
privacy-deleting = Deleted. What is left of it in the bot's files is being overwritten now.
privacy-waits = What is done is deleted. The rest follows by itself after { $songs } in progress; until then you can ask for nothing new.
