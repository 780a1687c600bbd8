# Every text that people read, in German. All languages have the same ids and the same variables.
# The prefix of an id says where its text is shown, and so how long it may be (tests/unit/ui/test_language.py).

## Pieces of sentences

credits = { $count ->
    [one] 1 Credit
   *[other] { $count } Credits
}
songs = { $count ->
    [one] 1 Song
   *[other] { $count } Songs
}
period = { $period ->
    [day] Tag
    [week] Woche
   *[month] Monat
}
# A list of permissions, the last one joined to the others.
and = { $first } und { $last }
none = nicht festgelegt
number = { $number }

# As Discord's settings name them.
permission-view-channel = Kanal ansehen
permission-send-messages = Nachrichten senden
permission-embed-links = Links einbetten
permission-attach-files = Dateien anhängen
permission-send-messages-in-threads = Nachrichten in Threads senden

## Commands and their options

command-music = Erstelle Songs und behalte sie im Blick
command-music-create = Erstelle einen Song aus einem Prompt
command-music-custom = Erstelle einen Song aus Titel, Stil und deinem eigenen Songtext
command-music-status = Deine Songs in Arbeit
command-music-history = Deine Songs auf diesem Server, neueste zuerst
command-music-get = Poste einen deiner Songs noch einmal
command-music-credits = Was dir für neue Songs noch bleibt
command-music-help = Drei Dinge für den Anfang
command-quota = Verwalte die Credits dieses Servers
command-quota-view = Server-Guthaben, Limits, Pause und wer am meisten verbraucht hat
command-quota-explain = Welche Regeln für ein Mitglied gelten, welche entscheidet und was noch übrig ist
command-quota-ledger = Alle Credit-Buchungen und Änderungen, neueste zuerst
command-quota-export = Das ganze Protokoll als Datei für Tabellenprogramme
command-quota-usage = Die letzten 30 Tage als Bild: was aus den Credits wurde und die Top-Mitglieder
command-quota-set = Lege fest, wie viele Credits der Server pro Zeitraum nutzen darf
command-quota-grant = Gib dem Server Bonus-Credits, die nicht verfallen
command-quota-member = Persönliches Limit: ansehen, festlegen oder entfernen, damit wieder die Rollen gelten
command-quota-role = Das Limit für alle mit einer Rolle; bei mehreren Rollen gilt das höchste
command-quota-refund = Erstatte die Credits eines fertigen Songs
command-quota-alerts = Wo gewarnt wird, wenn 80 % und 100 % des Kontingents verbraucht sind
command-quota-pause = Nimm vorerst keine neuen Songs an; Songs in Arbeit laufen weiter
command-quota-resume = Nimm wieder neue Songs an
command-privacy = Was über dich gespeichert ist
command-privacy-view = Was über dich gespeichert ist, warum und an wen du dich wenden kannst
command-privacy-export = Alles, was über dich gespeichert ist, als Datei
command-privacy-delete = Lösche alles, was über dich gespeichert ist

option-prompt = Idee, Stimmung, Genre, Instrumente: „warmer Synthpop über den letzten Zug nach Hause“
option-instrumental = Ohne Gesang
option-model = Das Modell, das komponiert
option-avoid = Was im Song nicht vorkommen soll: „Schlagzeug, Chor“
option-voice = Wer singen soll
option-search = Nur Songs mit diesem Wort in Titel, Stil oder Songtext
option-song = Der Song: Gib seinen Titel ein
option-explain-user = Um wessen Regeln es geht
option-ledger-user = Nur was dieses Mitglied betrifft
option-ledger-kind = Nur Einträge dieser Art
option-set-credits = Credits pro Zeitraum; ein Song kostet 10, sofern beim Bot kein anderer Preis eingestellt ist
option-set-period = Wann sich das Kontingent erneuert (UTC)
option-grant-credits = Wie viele; eine negative Zahl nimmt zurück, was weder verbraucht noch vorgemerkt ist
option-reason = Warum; wird gespeichert
option-limited-user = Um wessen Limit es geht
option-member-credits = Credits pro Zeitraum, statt der Limits der Rollen; ohne Angabe siehst du das Limit
option-role = Um wessen Limit es geht; @everyone ist der Standard des Servers
option-role-credits = Credits pro Zeitraum für jedes Mitglied der Rolle; ohne Angabe siehst du das Limit
option-refund-job = Der Song: Gib seinen Titel oder den Namen des Mitglieds ein
option-alerts-channel = Der Kanal; ohne Angabe wird niemand gewarnt
option-pause-reason = Warum; die Mitglieder lesen das

choice-day = Tag
choice-week = Woche
choice-month = Monat
choice-any-voice = egal
choice-female = weiblich
choice-male = männlich
choice-grant = Bonus
choice-set = Kontingent
choice-hold = Vorgemerkt
choice-settle = Abgebucht
choice-release = Freigegeben
choice-refund = Erstattet
choice-member = Persönliches Limit
choice-role = Rollenlimit
choice-pause = Pause
choice-resume = Pause beendet
choice-alerts = Budget-Warnungen

## Buttons

button-again = Nochmal ({ $credits })
button-remix = Remix
button-lyrics = Songtext
button-send = An mich senden
button-delete = Löschen
button-cancel = Abbrechen
button-retry = Erneut versuchen
button-post = Erneut posten
button-edit = Bearbeiten und erneut versuchen
button-pay = Ja, für { $credits }
button-take = Take { $number }
button-newer = Neuere
button-older = Ältere
button-clear-member = Entfernen: wieder nach Rollen
button-clear-role = Dieses Limit entfernen
button-erase = Alles über mich löschen

## The form

form-song = Beschreibe deinen Song
form-remix = Song remixen
field-title = Titel
field-style = Stil
field-lyrics = Songtext
field-lyrics-file = Songtext als Datei
field-prompt = Prompt
field-vocals = Gesang
field-with-vocals = Mit Gesang
field-instrumental = Instrumental
hint-style = Genre, Stimmung, Instrumente, Stimme: „verträumter Synthwave, Frauenstimme“
hint-lyrics = Nicht nötig bei einem Instrumental
hint-lyrics-kept = Die { $length } Zeichen bleiben, wenn du hier nichts anderes schreibst
hint-lyrics-file = Oder eine .txt-Datei mit bis zu { $most } Zeichen anstelle des Felds

## The card, which follows a song

card-price = Preis
card-given-back = { $price } zurückgegeben
card-left-of-limit = Vom Limit übrig
card-left-in-server = Auf diesem Server übrig
card-asked = Angefragt { $when }.
card-expected = Voraussichtlich fertig
card-expected-range = { $from } bis { $to }
card-any-moment = jeden Moment
phase-queued = Warten
phase-composing = Komponieren
phase-mixing = Abmischen
phase-posted = Posten
state-next = **In der Warteschlange**: Dein Song ist als Nächstes dran.
state-queued = **In der Warteschlange**: Vor dir { $ahead ->
    [one] ist noch 1 Song
   *[other] sind noch { $ahead } Songs
} dran.
state-submitting = **Übergabe** an den Musikdienst.
state-composing = **Wird komponiert.** Ich erwähne dich, sobald dein Song fertig ist.
state-slow = **Wird komponiert**, langsamer als sonst. Dein Song ist nicht verloren: Ich frage weiter nach und erwähne dich.
state-parked = **Immer noch nicht fertig.** Dieser Song braucht viel zu lange; wer den Bot betreibt, weiß Bescheid.
state-mixing = **Wird abgemischt**: Der Song steht, die Audiodatei ist unterwegs.
state-posting = **Wird gepostet.**
state-done = **Fertig** { $when }, nach { $took } Min.
state-done-listen = **Fertig** { $when }, nach { $took } Min. [Anhören]({ $link })
state-undelivered = **Fertig, aber ich konnte den Song nicht posten.** Er bleibt einige Tage gespeichert: Erlaube mir, diesen Kanal zu sehen und hier zu posten, und drücke dann „Erneut posten“.
state-failed = **Diesmal kein Song.** { $why }
made-custom = eigene Vorgaben
made-from-prompt = aus einem Prompt
made-instrumental = instrumental
made-female = Frauenstimme
made-male = Männerstimme

## Messages about a song

song-ready = { $mention }, dein Song ist fertig!
song-takes = { $count ->
    [one] 1 Take (mehr hat der Musikdienst nicht geliefert)
   *[other] { $count } Takes
}
text-refused-here = Discord hat den Text dieses Songs hier nicht angenommen, deshalb fehlt er in dieser Nachricht.
song-untitled = Song
song-without-text = ein Song, dessen Eingaben nicht mehr gespeichert sind
notice-none = { $mention }, diesmal gibt es leider keinen Song.
notice-title = Kein Song: { $title }
notice-retry = „Erneut versuchen“ startet eine neue Anfrage mit denselben Eingaben.

failure = { $what } Du hast { $credits } zurückbekommen.
failed-said = Seine Antwort: „{ $said }“
failed-refused = Der Musikdienst hat die Anfrage nicht angenommen.
failed-moderated = Der Musikdienst hat die Eingaben abgelehnt.
failed-closed = { $why }
failed-upstream-failed = Der Musikdienst konnte diesen Song nicht erstellen.
failed-canceled = Der Song wurde beim Musikdienst abgebrochen.
failed-withdrawn = Die Anfrage wurde abgebrochen.
failed-expired = Der Musikdienst war zu lange nicht erreichbar.
failed-outcome-unknown = Der Musikdienst hat die Anfrage nicht bestätigt. Vielleicht wurde der Song dort begonnen, aber ich kann ihn nicht abholen, und ich schicke keine Anfrage zweimal.
failed-lost = Der Musikdienst kennt diesen Song nicht mehr.
failed-audio-gone = Der Song ist entstanden, aber seine Audiodatei ließ sich stundenlang nicht beim Musikdienst abholen.
failed-internal = Bei uns ist etwas schiefgelaufen. Wer den Bot betreibt, sieht es im Log.
closed-not-open = Der Musikdienst nimmt noch keine Songs an.
closed-no-credits = Das Konto des Bots beim Musikdienst ist leer. Wer den Bot betreibt, weiß Bescheid.
closed-bad-key = Der Bot ist beim Musikdienst falsch eingerichtet. Wer den Bot betreibt, weiß Bescheid.

## Answers to buttons

posting-again = Ich poste den Song jetzt.
posted-already = Der Song ist gepostet.
canceled = Abgebrochen, { $credits } zurückgegeben.
deleted = Hier gelöscht. Solange der Song gespeichert ist, postet ihn `/music get` noch einmal.
sent = Als Direktnachricht an dich gesendet: { $link }
reposted = Hier ist der Song noch einmal: { $link }
takes-gone = { $count ->
    [one] 1 Take davon gibt
   *[other] { $count } Takes davon gibt
} es nicht mehr.
text-avoid = Nicht im Song
ask-price = Ein Song kostet jetzt { $now } und nicht mehr { $then } wie auf dem Button. Trotzdem erstellen?
ask-price-again = Ein Song kostet jetzt { $now } und nicht mehr { $then } wie zuvor. Trotzdem erstellen?

## Why something was refused: what did not happen, and what to do

broken = Bei uns ist etwas schiefgelaufen. Es wurde nichts abgebucht. Bitte versuch es gleich noch einmal.
busy = Der Bot hat gerade sehr viel zu tun. Es wurde nichts abgebucht. Bitte versuch es gleich noch einmal.
refused-too-long = { $field ->
    [title] Der Titel
    [style] Der Stil
    [lyrics] Der Songtext
    [avoid] Die Liste mit dem, was nicht vorkommen soll,
    [reason] Der Grund
   *[prompt] Der Prompt
} hat { $length } Zeichen; höchstens { $limit } sind möglich. Es wurde nichts abgebucht: Kürze den Text und versuch es erneut.
refused-no-lyrics = Der Songtext fehlt. Schreib einen, füge eine Datei hinzu oder wähle „Instrumental“. Es wurde nichts abgebucht.
refused-missing = { $field ->
    [title] Der Titel
    [style] Der Stil
    [reason] Der Grund
   *[prompt] Der Prompt
} fehlt. Es wurde nichts abgebucht: Trag ihn ein und versuch es erneut.
refused-file-too-big = Diese Datei ist größer, als ein Songtext sein kann (5.000 Zeichen). Es wurde nichts abgebucht.
refused-file-not-text = Diese Songtext-Datei ist kein reiner Text. Speichere sie als .txt-Datei in UTF-8. Es wurde nichts abgebucht.
refused-file-empty = Diese Songtext-Datei ist leer. Es wurde nichts abgebucht.
refused-file-not-fetched = Die Songtext-Datei ließ sich nicht rechtzeitig abrufen. Versuch es erneut oder füge den Songtext direkt ein. Es wurde nichts abgebucht.
refused-model = Dieses Modell gibt es hier nicht. Zur Auswahl stehen: { $models }. Es wurde nichts abgebucht.
refused-closed = { $why } Es wurde nichts abgebucht. Versuch es { $when } erneut.
refused-permissions = Ich kann in diesem Kanal keinen Song posten, mir fehlt die Berechtigung dafür: { $names }. Frag die Serververwaltung oder nimm einen anderen Kanal.
refused-outside = Das geht nur auf Servern.
refused-managers-only = Das können nur Mitglieder mit der Berechtigung „Server verwalten“.
refused-range = Wähle eine Zahl von { $low } bis { $high }. Es wurde nichts geändert.
refused-operators-period = Wer den Bot betreibt, hat für alle Server denselben Zeitraum festgelegt. Lass die Angabe weg. Es wurde nichts geändert.
refused-operators-grant = Bonus-Credits vergibt hier nur, wer den Bot betreibt. Frag dort nach. Es wurde nichts geändert.
refused-operators-refund = Credits erstattet hier nur, wer den Bot betreibt. Frag dort nach. Es wurde nichts geändert.
refused-refund-unknown = Diesen Song gibt es auf diesem Server nicht. Wähle einen aus der Liste. Es wurde nichts geändert.
refused-refund-open = Dieser Song ist noch in Arbeit. Erstatte ihn, wenn er fertig ist. Es wurde nichts geändert.
refused-refund-released = Dieser Song ist nicht zustande gekommen, und seine Credits sind schon zurück. Es wurde nichts geändert.
refused-refund-refunded = Dieser Song wurde schon erstattet. Es wurde nichts geändert.
refused-pool = Ein Song kostet { $price }, und dieser Server hat noch { $left } übrig: { $used }. Das Kontingent erneuert sich { $renews }; die Serververwaltung kann mit `/quota grant` Credits hinzufügen. Es wurde nichts abgebucht.
refused-limit = Ein Song kostet { $price }, und du hast noch { $left } übrig: { $used }. Dein Limit erneuert sich { $renews }. Es wurde nichts abgebucht.
refused-open-jobs-member = Du hast { $songs } in Arbeit, mehr geht nicht auf einmal. Warte, bis einer da ist, und versuch es dann erneut. Es wurde nichts abgebucht.
refused-open-jobs-guild = Dieser Server hat { $songs } in Arbeit, mehr geht nicht auf einmal. Warte, bis einer da ist, und versuch es dann erneut. Es wurde nichts abgebucht.
refused-total = Alle Server zusammen haben die Credits dieses Monats aufgebraucht. Neue Songs gibt es { $renews } wieder. Es wurde nichts abgebucht.
refused-not-served = Auf diesem Server mache ich keine Songs: Wer mich betreibt, hat ihn nicht freigeschaltet. Es wurde nichts abgebucht.
refused-paused = Neue Songs sind auf diesem Server pausiert: „{ $reason }“. Es wurde nichts abgebucht. Versuch es erneut, wenn die Serververwaltung die Pause beendet hat.
refused-words-gone = Die Eingaben zu diesem Song sind nicht mehr gespeichert. Es wurde nichts abgebucht.
refused-tried-again = Du hast es mit diesem Song schon erneut versucht: Schau nach der neueren Nachricht. Es wurde nichts abgebucht.
refused-already-making = Dieser Song ist für dich schon in Arbeit; mehrfaches Drücken zählt nur einmal. Es wurde nichts weiter abgebucht.
refused-not-your-song = Das kann nur, wer diesen Song angefragt hat. Es wurde nichts geändert.
refused-too-late-to-cancel = Dieser Song lässt sich nicht mehr abbrechen: Er ist nicht mehr in der Warteschlange.
refused-no-such-song = So einen Song hast du auf diesem Server nicht. Wähle einen aus der Liste oder schau in `/music history` nach.
refused-not-done-yet = Dieser Song ist noch in Arbeit. Sobald er fertig ist, poste ich ihn und erwähne dich.
refused-song-gone = Diesen Song gibt es nicht mehr: Seine Audiodatei ist weder hier noch in seiner Nachricht noch beim Musikdienst zu finden.
refused-no-place-to-post = Ich kann den Song in diesem Kanal nicht posten. Nimm einen anderen Kanal oder „An mich senden“.
refused-too-many-copies = Deine letzten Songs sind noch unterwegs. Versuch es noch einmal, sobald sie da sind.
refused-no-direct-messages = Ich kann dir keine Direktnachrichten senden. Erlaube sie in den Privatsphäreeinstellungen dieses Servers und versuch es dann erneut.
refused-leaving = Deine Daten werden gelöscht, sobald deine Songs in Arbeit fertig sind. Versuch es danach erneut. Es wurde nichts abgebucht.
refused-no-room = Der Bot kann im Moment keine Lieder speichern. Es wurde nichts abgebucht. Wer den Bot betreibt, weiß Bescheid.
refused-shutting-down = Der Bot startet gleich neu. Es wurde nichts abgebucht. Bitte versuch es in einer Minute noch einmal.

pool-used = { $used } von { $allowance } pro { $period } verbraucht oder vorgemerkt, Bonus: { $bonus }
limit-used = { $used } von { $limit } pro { $period } verbraucht oder vorgemerkt ({ $whose })
limit-of-member = persönliches Limit
limit-of-everyone = Limit für alle hier
limit-of-role = Limit der Rolle { $role }

## /music

status-title = Deine Songs in Arbeit
status-none = Du hast hier keine Songs in Arbeit. `/music create` erstellt einen.
status-card = [zur Karte]({ $link })
history-title = Deine Songs auf diesem Server
history-found = Deine Songs mit „{ $word }“
history-none = Noch keine Songs. `/music create` erstellt einen.
history-not-found = Bei keinem deiner Songs hier kommt das in Titel, Stil oder Songtext vor.
history-listen = [anhören]({ $link })
history-hint = `/music get` postet einen davon noch einmal.
help-title = Drei Dinge für den Anfang
help-create = **1.** `/music create` und eine Zeile wie „warmer Synthpop über den letzten Zug nach Hause“. Ein paar Minuten später ist der Song da, und ich erwähne dich. Ein Song kostet { $price }; `/music credits` zeigt, was noch übrig ist.
help-custom = **2.** `/music custom` für deinen eigenen Titel, Stil und Songtext. Was du eintippst, geht nie verloren, egal was passiert.
help-buttons = **3.** Unter jedem Song: **Nochmal** für einen neuen Anlauf, **Remix**, um vorher die Eingaben zu ändern, **An mich senden** für eine Kopie. Alle hier können das, jeweils mit den eigenen Credits.
help-more = `/music status` zeigt, wie weit deine Songs sind, `/music history` und `/music get` holen frühere zurück, und `/privacy view` zeigt, was über dich gespeichert ist.
help-managers = Für die Serververwaltung: `/quota view` und die Befehle daneben verwalten die Credits.

## /quota

credits-title = Deine verfügbaren Credits
credits-left = Du hast noch **{ $credits }**.
credits-left-for = Du hast noch **{ $credits }**, genug für { $songs ->
    [one] **1** Song
   *[other] **{ $songs }** Songs
}.
credits-price = Ein Song kostet { $price }.
credits-your-limit = Dein Limit
quota-title = Credits dieses Servers
quota-can-spend = Jetzt verfügbar: **{ $credits }**; ein Song kostet { $price }.
quota-paused = ⏸️ **Pausiert**: { $reason }
quota-ceiling = Höchstmögliches Kontingent
quota-limits = Limits
quota-top = Am meisten verbraucht in diesem Zeitraum
quota-alerts = Budget-Warnungen
pool-allowance = Kontingent
pool-allowance-value = { $credits } pro { $period }
pool-used-title = Verbraucht
pool-held = Vorgemerkt für Songs in Arbeit
pool-bonus = Bonus
pool-bonus-value = { $credits } (verfällt nicht)
pool-renews = Kontingent erneuert sich
limits-more = und { $count ->
    [one] 1 weitere Rolle
   *[other] { $count } weitere Rollen
}
limits-members = Mitglieder mit persönlichem Limit: { $count }
limits-none = keine, nur das Server-Guthaben zählt
everyone = alle
top-none = noch niemand
forgotten = jemand (Daten gelöscht)
explain-title = Was für dieses Mitglied gilt
explain-can-spend = { $member } hat jetzt **{ $credits }** verfügbar.
explain-own = Persönliches Limit: { $credits }
explain-pool = Server-Guthaben: noch { $credits }
explain-paused = Pausiert: { $reason }
explain-rules = Regeln
explain-decides = Entscheidend
explain-used = Verbraucht
explain-held = Vorgemerkt
explain-left = Übrig
explain-renews = Erneuert sich
decides-pause = die Pause: keine neuen Songs
decides-pool = Server-Guthaben: { $used }
decides-limit = { $whose }: { $credits } pro { $period }
changed-allowance = Kontingent: { $before } pro { $period-before } → **{ $after } pro { $period-after }**. Jetzt verfügbar: { $available }; Songs in Arbeit behalten ihre Credits.
changed-allowance-cut = Mehr als { $most } lässt dieser Bot nicht zu.
changed-bonus = Bonus: { $before } → **{ $after }** ({ $difference }). Grund: { $reason }
changed-limit = Limit für { $whose }: { $before } → **{ $after }**.
changed-limit-beyond = { $count ->
    [one] 1 Mitglied hat schon mehr verbraucht und muss
   *[other] { $count } Mitglieder haben schon mehr verbraucht und müssen
} mit neuen Songs warten, bis sich das Limit erneuert.
member-limit-own = { $member } hat ein persönliches Limit: **{ $credits }** pro Zeitraum.
member-limit-role = { $member } hat kein persönliches Limit; entscheidend ist: { $whose }, { $credits }.
member-limit-pool = { $member } hat kein persönliches Limit; entscheidend ist allein das Server-Guthaben.
role-limit-none = Für { $role } ist kein Limit festgelegt.
role-limit = { $role }: **{ $credits }** pro Zeitraum für jedes Mitglied, sofern keine andere Regel mehr erlaubt.
refunded = **{ $credits }** erstattet für „{ $song }“ von { $member }. Verfügbar: { $before } → **{ $after }**.
paused = Aktiv → **pausiert**: { $reason }.
paused-ends = `/quota resume` beendet die Pause.
songs-go-on = { $count ->
    [one] 1 Song in Arbeit läuft
   *[other] { $count } Songs in Arbeit laufen
} weiter.
resumed = Pausiert → **aktiv**: Neue Songs werden wieder angenommen.
resumed-nothing = Es gab keine Pause.
changed-alerts = Budget-Warnungen: { $before } → **{ $after }**.
changed-alerts-hint = Ich muss den Kanal sehen und dort posten können.
alert-all = ⚠️ Das Kontingent dieses Servers ist aufgebraucht: { $used } von { $allowance }. Es erneuert sich { $renews }; die Serververwaltung kann mit `/quota grant` Credits hinzufügen oder mit `/quota set` ein anderes Kontingent festlegen.
alert-share = ⚠️ { $percent } % des Kontingents sind verbraucht: { $used } von { $allowance }. Es erneuert sich { $renews }; die Serververwaltung kann mit `/quota grant` Credits hinzufügen oder mit `/quota set` ein anderes Kontingent festlegen.
ledger-title = Protokoll
ledger-none = Noch nichts.
ledger-only = Filter
ledger-of = für { $member }
ledger-bonus = (davon { $count } Bonus)
ledger-by = durch { $actor }
ledger-by-operator = durch den Betreiber des Bots
value-open = aktiv
value-paused = pausiert
value-settled = abgebucht
value-refunded = erstattet
exported = { $count ->
    [one] 1 Eintrag.
   *[other] { $count } Einträge.
}
usage-title = Die letzten { $days } Tage
usage-sums = **{ $spent }** verbraucht, { $back } freigegeben oder erstattet.
usage-legend = 🟩 verbraucht 🟦 in Arbeit ⬜ freigegeben 🟧 erstattet; Credits pro Tag (UTC).
usage-none = Noch keine Songs.
usage-top = Am meisten verbraucht haben

## /privacy

privacy-title = Was über dich gespeichert ist
privacy-since = Seit dem { $when }, auf { $servers ->
    [one] 1 Server
   *[other] { $servers } Servern
}.
privacy-nothing = Über dich ist nichts gespeichert.
privacy-texts = Deine Eingaben
privacy-texts-value = Was du für { $songs } eingegeben hast, mit deinem damaligen Namen: damit „Nochmal“, „Remix“, „Songtext“ und `/music get` funktionieren. Gelöscht wird { $days ->
    [one] 1 Tag
   *[other] { $days } Tage
} nach der Fertigstellung des Songs.
privacy-drafts = Entwürfe
privacy-drafts-value = { $count ->
    [one] 1 abgelehntes Formular
   *[other] { $count } abgelehnte Formulare
}: damit nichts verloren geht, was du eingetippt hast. Gelöscht wird nach einem Tag.
privacy-files = Audiodateien
privacy-files-value = { $count ->
    [one] 1 Datei
   *[other] { $count } Dateien
} auf der Festplatte des Bots: damit ein Song noch einmal gepostet werden kann. Gelöscht wird nach { $days ->
    [one] 1 Tag
   *[other] { $days } Tagen
}.
privacy-ids = IDs
privacy-ids-value = Deine ID und deine Sprache, wie Discord sie mitteilt, und wo die Nachrichten zu { $songs } von dir stehen: damit Songs, Credits und Limits dir zugeordnet sind.
privacy-credits = Credits und Limits
privacy-credits-value = { $entries ->
    [one] 1 Eintrag
   *[other] { $entries } Einträge
} im Credit-Protokoll und Limits, die die Serververwaltung auf { $limits ->
    [one] 1 Server
   *[other] { $limits } Servern
} für dich festgelegt hat: damit niemandes Credits verloren gehen oder doppelt verbraucht werden. Sie bleiben nach einer Löschung erhalten, ohne deinen Namen.
privacy-service = Der Musikdienst
privacy-service-value = Die Eingaben zu einem Song gehen an den Musikdienst, der ihn erstellt. Hier wird damit nichts trainiert.
privacy-copies = Der Bot hat beim Update { $count ->
    [one] eine Kopie
   *[other] { $count } Kopien
} seiner Datenbank angelegt. { $count ->
    [one] Sie wird
   *[other] Sie werden
} nach einer Woche gelöscht.
privacy-hash = Von einer früheren Löschung ist noch ein Hash deiner ID mit geheimem Schlüssel gespeichert, solange dein Verbrauch in diesem Zeitraum oder ein von der Serververwaltung festgelegtes Limit noch zählen muss.
privacy-leaving = Eine Löschung wartet auf deine Songs in Arbeit.
privacy-write = Kontakt
privacy-write-value = `/privacy export` gibt dir das alles, `/privacy delete` löscht es. Schreib an { $whom }.
privacy-host = die Person, die diesen Bot betreibt
privacy-owner = { $name }, die Person hinter diesem Bot
privacy-exported = Alles, was über dich gespeichert ist: { $songs }. Nur du kannst das sehen.
privacy-ask = **Alles löschen, was über dich gespeichert ist?** Deine Eingaben, Titel, Entwürfe und Audiodateien verschwinden, auf allen Servern, auch aus Songs, die andere aus deinen Eingaben gemacht haben. Das lässt sich nicht rückgängig machen. Credits im Protokoll bleiben, ohne deinen Namen; was du in diesem Zeitraum verbraucht hast und Limits, die die Serververwaltung für dich festgelegt hat, zählen weiter. Gepostete Nachrichten bleiben in Discord: Lösche sie vorher mit dem Button darunter, wenn du das möchtest.
privacy-deleted = Gelöscht. Nichts davon ist noch gespeichert; Einträge zu Credits bleiben ohne deinen Namen.
privacy-deleting = Gelöscht. Was in den Dateien des Bots noch davon übrig ist, wird gerade überschrieben.
privacy-waits = Was fertig ist, ist gelöscht. Der Rest folgt von selbst nach { $songs } in Arbeit; bis dahin kannst du nichts Neues anfragen.
