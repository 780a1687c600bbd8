# Every text that people read, in German. The ids and variables are those of en.ftl.
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
# Joins the last permission of a list to the ones before it.
and = { $first } und { $last }
none = nicht festgelegt
number = { $number }

# The names that Discord's settings use.
permission-view-channel = Kanal ansehen
permission-send-messages = Nachrichten senden
permission-embed-links = Links einbetten
permission-attach-files = Dateien anhängen
permission-send-messages-in-threads = Nachrichten in Threads senden

## Commands and their options

command-music = Erstelle Songs und behalte sie im Blick
command-music-create = Erstelle einen Song aus einem Prompt
command-music-custom = Erstelle einen Song aus deinem eigenen Titel, Stil und Songtext
command-music-status = Zeige deine Songs in Arbeit an
command-music-history = Zeige deine Songs auf diesem Server an, neueste zuerst
command-music-get = Poste einen deiner Songs noch einmal
command-music-top = Zeige die besten Songs der Woche auf diesem Server an
command-music-credits = Sieh nach, wie viele Credits du noch hast
command-music-help = Drei Dinge zum Ausprobieren
command-quota = Verwalte die Credits dieses Servers
command-quota-view = Zeige Server-Guthaben, Limits, Pause und die Top-Mitglieder an
command-quota-explain = Zeige an, welche Regeln für ein Mitglied gelten, welche entscheidet und was noch übrig ist
command-quota-ledger = Zeige alle Änderungen an Credits und Einstellungen an, neueste zuerst
command-quota-export = Lade das ganze Protokoll als Datei für Tabellenprogramme herunter
command-quota-usage = Zeige die letzten 30 Tage als Diagramm an: Credits nach Ergebnis und die Top-Mitglieder
command-quota-set = Lege fest, wie viele Credits dieser Server pro Zeitraum nutzen darf
command-quota-grant = Gib diesem Server Bonus-Credits, die nie verfallen
command-quota-member = Sieh das persönliche Limit eines Mitglieds an, lege es fest oder entferne es
command-quota-role = Limit einer Rolle ansehen, festlegen, entfernen; bei mehreren Rollen gilt das höchste
command-quota-limits = Alle Limits von Rollen und Mitgliedern ansehen und aufheben, auch die von verschwundenen
command-quota-refund = Erstatte die Credits eines fertigen Songs
command-quota-alerts = Wähle, wo bei 80 % und 100 % verbrauchtem Kontingent gewarnt wird
command-quota-words = Zeige oder ändere die Wörter, die in Songs hier nicht vorkommen dürfen
command-quota-channels = Wo man Songs anfordern kann, wo sie erscheinen und wo sie angekündigt werden
command-quota-managers = Wähle Rollen, deren Mitglieder /quota auch benutzen dürfen, oder sieh sie an
command-quota-pause = Nimm vorübergehend keine neuen Songs an; Songs in Arbeit laufen weiter
command-quota-resume = Nimm wieder neue Songs an
command-privacy = Was über dich gespeichert ist: ansehen, exportieren oder löschen
command-privacy-view = Sieh nach, was über dich gespeichert ist, warum, und an wen du dich wenden kannst
command-privacy-export = Lade alles herunter, was über dich gespeichert ist
command-privacy-delete = Lösche alles, was über dich gespeichert ist

option-prompt = Idee, Stimmung, Genre, Instrumente: „warmer Synthpop über den letzten Zug nach Hause“
option-instrumental = Ohne Gesang
option-model = Welches Modell den Song komponiert
option-avoid = Was im Song nicht vorkommen soll: „Schlagzeug, Chor“
option-voice = Wer singt
option-duration = Wie lang der Song werden soll, in Sekunden
option-write-lyrics = Worum es im Songtext gehen soll: Ich schreibe ihn, und du änderst ihn vor dem Song
option-search = Nur Songs mit diesem Wort in Titel, Stil oder Songtext
option-song = Tippe einfach den Titel des Songs ein
option-top-post = Die Liste hier für alle posten; nur für die Serververwaltung
option-explain-user = Das Mitglied, dessen Regeln du sehen möchtest
option-ledger-user = Nur Einträge zu diesem Mitglied
option-ledger-kind = Nur Einträge dieser Art
option-set-credits = Credits pro Zeitraum; ein Song kostet 10, sofern für den Bot kein anderer Preis gilt
option-set-period = Wann sich das Kontingent erneuert
option-set-timezone = In welcher Zeitzone: fang mit einer Stadt an, etwa „Berlin“; sonst gilt UTC
option-grant-credits = Wie viele; eine negative Zahl nimmt Credits zurück, die weder verbraucht noch vorgemerkt sind
option-reason = Warum; steht danach im Protokoll
option-limited-user = Das Mitglied, um dessen Limit es geht
option-member-credits = Credits pro Zeitraum, statt der Rollenlimits; leer lassen, um das Limit zu sehen
option-role = Die Rolle, um deren Limit es geht; @everyone ist der Standard des Servers
option-role-credits = Credits pro Zeitraum für jedes Mitglied; leer lassen, um das Limit zu sehen
option-limits-clear = Welches Limit aufheben? Tippe eine ID oder einen Namen an; leer lassen, um alle zu sehen
option-refund-job = Tippe den Titel des Songs oder den Namen des Mitglieds ein
option-alerts-channel = Der Kanal; leer lassen, um die Warnungen abzuschalten
option-words-add = Ein Wort oder Ausdruck, der ab jetzt nicht vorkommen darf
option-words-remove = Ein Wort oder Ausdruck, der wieder vorkommen darf
option-channels-add = Hier und in den Threads dieses Kanals kann man Songs anfordern; bis zu 10 Kanäle
option-channels-remove = Kanal, in dem man keine Songs mehr anfordern kann, auch ein gelöschter
option-channels-results = Hier erscheinen Songs, egal wo sie angefordert wurden
option-channels-announce = Hier wird jeder Song mit einem Link angekündigt
option-channels-off = Was wieder abgeschaltet wird
option-managers-add = Mitglieder dieser Rolle dürfen /quota benutzen; bis zu 10 Rollen
option-managers-remove = Rolle, deren Mitglieder /quota nicht mehr benutzen dürfen, auch eine gelöschte
option-pause-reason = Warum; das bekommen die Mitglieder zu lesen

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
choice-channels = Kanäle für Songs
choice-managers = Verwaltung per Rolle
choice-off-asked = Songs wieder überall anfordern
choice-off-results = Songs wieder dort posten, wo sie angefordert wurden
choice-off-announced = keine Songs mehr ankündigen

## Buttons

button-again = Nochmal ({ $credits })
button-remix = Remixen ({ $credits })
button-lyrics = Songtext
button-like = 👍
button-dislike = 👎
button-prompt = Prompt
button-style = Stil
button-send = An mich senden
button-delete = Löschen
button-cancel = Abbrechen
button-retry = Erneut versuchen
button-post = Erneut posten
button-edit = Bearbeiten und erneut versuchen
button-open = Text öffnen
button-more = Mehr …
button-check = Songtext prüfen
button-form = Formular öffnen
button-write-lyrics = Songtext schreiben lassen
button-pay = Ja, für { $credits }
button-take = Take { $number }
button-newer = Neuere
button-older = Ältere
button-better = Bessere
button-further = Weiter unten
button-clear-member = Entfernen, dann gelten die Rollenlimits
button-clear-role = Dieses Limit entfernen
button-erase = Alles über mich löschen

## The form

form-song = Beschreibe deinen Song
form-remix = Song remixen ({ $credits })
field-title = Titel
field-style = Stil
field-lyrics = Songtext
field-lyrics-file = Songtext als Datei
field-prompt = Prompt
field-vocals = Gesang
field-with-vocals = Mit Gesang
field-instrumental = Instrumental
hint-style = Genre, Stimmung, Instrumente, Stimme: „verträumter Synthwave, Frauenstimme“
hint-lyrics = Für ein Instrumental leer lassen
hint-lyrics-kept = Deine { $length } Zeichen bleiben, solange du hier keinen neuen Songtext schreibst
hint-lyrics-file = Oder hänge stattdessen eine .txt-Datei mit bis zu { $most } Zeichen an

## The progress card

card-for = 🎵 **{ $title }** für { $member }
card-listen = [Anhören]({ $link })
card-why = [Warum?]({ $link })
card-given-back = { $credits } zurückgegeben
card-left-of-limit = vom Limit noch { $credits } übrig
card-left-in-server = auf diesem Server noch { $credits } übrig
card-expected = Fertig { $when }
card-expected-range = { $from }, vielleicht erst { $to }
card-any-moment = jeden Moment
phase-queued = In der Warteschlange
phase-composing = Wird komponiert
phase-mixing = Wird abgemischt
phase-posting = Wird gepostet
phase-done = Fertig
phase-undelivered = Fertig, aber nicht gepostet
phase-failed = Diesmal kein Song
phase-canceled = Abgebrochen
note-next = Dein Song ist als Nächstes dran.
note-queued = Vor dir { $ahead ->
    [one] ist noch 1 Song
   *[other] sind noch { $ahead } Songs
} dran.
note-mention = Ich erwähne dich, sobald dein Song fertig ist.
note-slow = Es dauert länger als sonst, aber dein Song ist nicht verloren. Ich frage weiter nach und erwähne dich.
note-parked = Dieser Song braucht viel zu lange. Wer den Bot betreibt, weiß Bescheid.
note-undelivered = Ich konnte diesen Song nicht posten, weder hier noch als Direktnachricht. Ich hebe ihn ein paar Tage auf und versuche es von selbst wieder. Lass mich diesen Kanal sehen und hier posten, und prüf, was AutoMod blockiert. Mit „Erneut posten“ geht es sofort.
made-custom = eigene Vorgaben
made-from-prompt = aus einem Prompt
made-instrumental = instrumental
made-female = Frauenstimme
made-male = Männerstimme
made-duration = etwa { $length }

## Messages about a song

song-ready = { $mention } Dein Song ist fertig!
announcement = 🎶 **{ $song }** für { $member }: { $link }
song-one-take = mehr hat der Musikdienst nicht geliefert
song-first = Dein erster Song! 🎉 **Nochmal** macht eine neue Version, und mit `/music custom` schreibst du deinen eigenen Text.
text-refused-here = Discord hat den Text dieses Songs hier nicht angenommen, deshalb fehlt er in dieser Nachricht.
song-untitled = Song
song-search-older = In älteren Songs nach „{ $word }“ suchen
song-without-text = ein Song, dessen Text nicht mehr gespeichert ist
notice-none = { $mention } Diesmal gibt es leider keinen Song.
notice-title = Kein Song: { $title }
notice-retry = „Erneut versuchen“ startet eine neue Anfrage mit demselben Text.
notice-edit = „Bearbeiten und erneut versuchen“ öffnet deinen Text, damit du ihn ändern kannst.
notice-wait = Dein Text bleibt gespeichert. „Text öffnen“ holt ihn zurück, wenn der Dienst wieder da ist.

failure = { $what } Du hast { $credits } zurückbekommen.
failed-said = Seine Antwort: „{ $said }“
failed-refused = Der Musikdienst hat die Anfrage nicht angenommen.
failed-options = Der Musikdienst hat inzwischen gewechselt, und der neue kann nicht alles, was du für diesen Song gewählt hast.
failed-moderated = Der Musikdienst hat diesen Text nicht zugelassen.
failed-closed = { $why }
failed-upstream-failed = Der Musikdienst konnte diesen Song nicht erstellen.
failed-canceled = Der Song wurde beim Musikdienst abgebrochen.
failed-withdrawn = Die Anfrage wurde abgebrochen.
failed-expired = Ich konnte den Musikdienst nicht rechtzeitig erreichen.
failed-outcome-unknown = Der Musikdienst hat die Anfrage nicht bestätigt. Vielleicht gibt es den Song dort, aber ich kann ihn nicht abholen. Und ich schicke keine Anfrage zweimal.
failed-lost = Der Musikdienst kennt diesen Song nicht mehr.
failed-audio-gone = Den Song gibt es, aber ich konnte seine Audiodatei auch nach stundenlangen Versuchen nicht herunterladen.
failed-internal = Bei uns ist etwas schiefgelaufen. Wer den Bot betreibt, sieht es im Log.
closed-not-open = Der Musikdienst nimmt noch keine Songs an.
closed-no-credits = Das Konto des Bots beim Musikdienst ist leer. Wer den Bot betreibt, weiß Bescheid.
closed-bad-key = Der Bot ist beim Musikdienst nicht richtig eingerichtet. Wer den Bot betreibt, weiß Bescheid.

## Answers to buttons

posting-again = Ich poste den Song jetzt.
posted-already = Der Song ist schon gepostet.
canceled = Abgebrochen. Du hast { $credits } zurückbekommen.
deleted = Hier gelöscht. Solange der Song gespeichert ist, kannst du ihn mit `/music get` noch einmal posten lassen.
sent = Per Direktnachricht geschickt: { $link }
reposted = Hier ist der Song noch einmal: { $link }
takes-gone = { $count ->
    [one] 1 Take
   *[other] { $count } Takes
} davon gibt es nicht mehr.
text-avoid = Nicht im Song
ask-price = Ein Song kostet jetzt { $now } und nicht { $then }, wie auf dem Button steht. Trotzdem erstellen?
ask-price-again = Ein Song kostet jetzt { $now } und nicht mehr { $then } wie zuvor. Trotzdem erstellen?

## Refusals: what did not happen, and what to do

nothing-charged = Es wurde nichts abgebucht.
nothing-more-charged = Es wurde nichts weiter abgebucht.
broken = Bei uns ist etwas schiefgelaufen.{ $charged } Bitte versuch es gleich noch einmal.
busy = Ich habe gerade sehr viel zu tun.{ $charged } Bitte versuch es gleich noch einmal.
refused-too-long = { $field ->
    [title] Dein Titel
    [style] Dein Stil
    [lyrics] Dein Songtext
    [avoid] Deine Liste mit dem, was nicht vorkommen soll,
    [reason] Dein Grund
   *[prompt] Dein Prompt
} hat { $length } Zeichen, erlaubt sind höchstens { $limit }.{ $charged } Kürze den Text und versuch es noch einmal.
refused-no-lyrics = Der Songtext fehlt. Schreib einen, füge eine Datei hinzu oder wähle „Instrumental“.{ $charged }
refused-missing = { $field ->
    [title] Der Titel fehlt.{ $charged }
    [style] Der Stil fehlt.{ $charged }
    [reason] Der Grund fehlt.
   *[prompt] Der Prompt fehlt.{ $charged }
} Trag ihn ein und versuch es noch einmal.
refused-lyrics-in-prompt = Das klingt nach einem Songtext, und ein Prompt ist nur eine kurze Zeile. Im Formular ist Platz dafür: Dein Text steht schon darin, es fehlen nur Titel und Stil.{ $charged }
refused-file-too-big = Diese Songtext-Datei ist zu groß. Ein Songtext kann bis zu 5.000 Zeichen haben.{ $charged }
refused-file-not-text = Diese Songtext-Datei enthält keinen reinen Text. Speichere sie als .txt-Datei in UTF-8.{ $charged }
refused-file-guessed = Die Kodierung der Datei war nicht angegeben; ich habe sie als { $encoding } gelesen. So fängt sie an: „{ $beginning }“ Prüfe den Songtext und schicke das Formular noch einmal ab.{ $charged }
refused-file-empty = Diese Songtext-Datei ist leer.{ $charged }
refused-file-not-fetched = Ich konnte die Songtext-Datei nicht rechtzeitig abrufen. Versuch es noch einmal oder füge den Songtext direkt ein.{ $charged }
refused-model = Dieses Modell ist nicht verfügbar. Wähle eines von diesen: { $models }.{ $charged }
refused-length = Die Länge kannst du nur bei Songs mit eigenen Vorgaben und einem dieser Modelle wählen: { $models }.{ $charged }
refused-no-length = Die Länge eines Songs lässt sich zurzeit nicht wählen. Lass sie weg und versuch es noch einmal.{ $charged }
refused-options = Bei diesem Song geht zurzeit nicht: { $options }.{ $charged } Das Formular öffnet sich ohne.
named-avoid = etwas ausschließen
named-voice = die Stimme wählen
named-duration = die Länge wählen
refused-closed = { $why }{ $charged } Versuch es { $when } noch einmal.
refused-permissions = Ich kann in diesem Kanal nicht posten. Mir fehlt die Berechtigung { $names }. Frag die Serververwaltung oder nimm einen anderen Kanal.
refused-outside = Das geht nur auf Servern.
refused-managers-only = Das können nur Mitglieder mit der Berechtigung „Server verwalten“.
refused-managers-by-role = Das können nur Mitglieder mit der Berechtigung „Server verwalten“ oder einer Rolle aus `/quota managers`.
refused-unknown-control = Diese Schaltfläche, dieses Formular oder diese Option gibt es nicht mehr. Es wurde nichts geändert. Fang bitte mit dem Befehl neu an.
refused-range = Wähle eine Zahl von { $low } bis { $high }. Es wurde nichts geändert.
refused-range-without-zero = Wähle eine Zahl von { $low } bis { $high }, aber nicht 0. Es wurde nichts geändert.
refused-operators-period = Wer den Bot betreibt, hat für alle Server denselben Zeitraum festgelegt. Lass den Zeitraum weg und versuch es noch einmal. Es wurde nichts geändert.
refused-operators-grant = Credits vergibt hier nur, wer den Bot betreibt. Frag bitte dort nach. Es wurde nichts geändert.
refused-operators-refund = Credits erstattet hier nur, wer den Bot betreibt. Frag bitte dort nach. Es wurde nichts geändert.
refused-no-such-zone = Diese Zeitzone gibt es nicht. Wähle eine aus der Liste, etwa „Europe/Berlin“. Es wurde nichts geändert.
refused-no-such-limit = So ein Limit gibt es auf diesem Server nicht. Wähle eines aus der Liste. Es wurde nichts geändert.
refused-refund-unknown = Diesen Song gibt es auf diesem Server nicht. Wähle einen aus der Liste. Es wurde nichts geändert.
refused-refund-open = Dieser Song ist noch in Arbeit. Du kannst ihn erstatten, sobald er fertig ist. Es wurde nichts geändert.
refused-refund-released = Aus diesem Song ist nichts geworden, und seine Credits sind schon zurück. Es wurde nichts geändert.
refused-refund-refunded = Dieser Song wurde schon erstattet. Es wurde nichts geändert.
refused-pool = Ein Song kostet { $price }, und dieser Server hat noch { $left } übrig. { $used }. Das Kontingent erneuert sich { $renews }. Die Serververwaltung kann mit `/quota grant` Credits hinzufügen.{ $charged }
refused-limit = Ein Song kostet { $price }, und du hast noch { $left } übrig. { $used }. Dein Limit erneuert sich { $renews }.{ $charged }
refused-open-jobs-member = Du hast schon { $songs } in Arbeit, mehr geht nicht auf einmal. Warte, bis einer da ist, und versuch es dann noch einmal.{ $charged }
refused-open-jobs-guild = Dieser Server hat schon { $songs } in Arbeit, mehr geht nicht auf einmal. Warte, bis einer da ist, und versuch es dann noch einmal.{ $charged }
refused-total = Alle Server zusammen haben die Credits dieses Monats aufgebraucht. Neue Songs gibt es { $renews } wieder.{ $charged }
refused-requests = Das waren { $limit } Anfragen in einer Stunde, mehr nehme ich von niemandem an. Die nächste ist { $until } möglich.
refused-ratings = Das waren { $limit } Bewertungen in zehn Minuten, mehr nehme ich von niemandem an. Die nächste ist { $until } möglich.
refused-many-lyrics = Du hast dir in einer Stunde { $limit } Songtexte schreiben lassen, mehr geht nicht. Der nächste ist { $until } möglich.
refused-lyrics-underway = Dein letzter Songtext wird noch geschrieben. Frag wieder, wenn er da ist, spätestens { $until }.
refused-lyrics-busy = Der Musikdienst hat gerade keine Zeit für Songtexte. Versuch es in einer Minute noch einmal, oder schreib ihn selbst.
refused-lyrics-refused = Der Musikdienst nimmt das nicht als Thema für einen Songtext an. Ändere es und versuch es noch einmal.
refused-lyrics-moderated = Der Musikdienst hat darin etwas gefunden, worüber er nicht schreibt. Ändere es und versuch es noch einmal.
refused-lyrics-failed = Der Musikdienst konnte diesmal keinen Songtext schreiben. Versuch es noch einmal, oder schreib ihn selbst.
refused-lyrics-late = Der Songtext dauert länger als sonst. Frag in einer Minute noch einmal: Du bekommst denselben, es wird nichts doppelt geschrieben.
refused-lyrics-unknown = Der Musikdienst hat nicht klar geantwortet, also frage ich nicht von selbst noch einmal. Versuch es erneut, oder schreib den Songtext selbst.
refused-not-served = Auf diesem Server mache ich keine Songs: Wer mich betreibt, hat ihn nicht freigeschaltet.{ $charged }
refused-paused = Neue Songs sind auf diesem Server pausiert: „{ $reason }“. Versuch es noch einmal, wenn die Serververwaltung die Pause beendet hat.{ $charged }
refused-word = „{ $word }“ darf in Songs auf diesem Server nicht vorkommen. Ändere den Text und versuch es noch einmal.{ $charged }
refused-word-empty = An diesem Wort gibt es nichts zu vergleichen. Tippe Buchstaben oder Zeichen ein.
refused-word-too-long = Ein Wort kann bis zu { $limit } Zeichen haben. Kürze es und versuch es noch einmal.
refused-word-too-many = Auf der Liste stehen schon { $limit } Wörter, mehr geht nicht. Entferne zuerst eines.
refused-word-unknown = Dieses Wort steht nicht auf der Liste dieses Servers. Schau in `/quota words` nach.
refused-channel = Songs entstehen auf diesem Server in { $channels }. Fordere deinen dort an.{ $charged }
refused-channels-too-many = Songs kann man in bis zu { $limit } Kanälen anfordern. Entferne zuerst einen.
refused-no-such-channel = Dieser Kanal ist keiner der Kanäle für Songs. Wähle einen aus der Liste. Es wurde nichts geändert.
refused-roles-too-many = Bis zu { $limit } Rollen können `/quota` benutzen. Entferne zuerst eine.
refused-no-such-role = Diese Rolle ist keine von denen, die `/quota` benutzen dürfen. Wähle eine aus der Liste. Es wurde nichts geändert.
refused-everybody-manages = @everyone kann die Credits nicht verwalten. Wähle eine andere Rolle.
refused-texts-gone = Der Text dieses Songs ist nicht mehr gespeichert.{ $charged }
refused-tried-again = Du hast es mit diesem Song schon noch einmal versucht. Schau nach der neueren Nachricht.{ $charged }
refused-already-making = Dieser Song ist für dich schon in Arbeit. Ein zweiter Klick zählt nicht.{ $more }
refused-not-your-song = Das kann nur, wer diesen Song angefordert hat. Es wurde nichts geändert.
refused-too-late-to-cancel = Dieser Song lässt sich nicht mehr abbrechen: Er hat die Warteschlange schon verlassen.
refused-no-such-song = So einen Song hast du auf diesem Server nicht. Wähle einen aus der Liste oder schau in `/music history` nach.
refused-not-done-yet = Dieser Song ist noch in Arbeit. Sobald er fertig ist, poste ich ihn und erwähne dich.
refused-song-gone = Diesen Song gibt es nicht mehr. Seine Audiodatei ist weder hier noch in seiner Nachricht noch beim Musikdienst zu finden.
refused-no-place-to-post = Ich kann in diesem Kanal nicht posten. Nimm einen anderen oder drücke unter einem Song auf „An mich senden“.
refused-too-many-copies = Deine letzten Songs sind noch unterwegs. Versuch es noch einmal, sobald sie da sind.
refused-no-direct-messages = Ich kann dir keine Direktnachrichten schicken. Erlaube sie in den Privatsphäre-Einstellungen dieses Servers und versuch es dann noch einmal.
refused-export-running = Dein letzter Export ist noch nicht fertig. Versuch es noch einmal, wenn die Datei da ist.
refused-leaving = Deine Daten werden gerade gelöscht, aber deine Songs in Arbeit müssen erst fertig werden. Versuch es danach noch einmal.{ $charged }
refused-no-room = Ich kann im Moment keine Songs speichern. Wer den Bot betreibt, weiß schon Bescheid.{ $charged }
refused-shutting-down = Ich starte gleich neu.{ $charged } Bitte versuch es in einer Minute noch einmal.

pool-used = { $used } von { $allowance } pro { $period } sind verbraucht oder vorgemerkt, der Bonus beträgt { $bonus }
limit-used = { $used } von deinen { $limit } pro { $period } sind verbraucht oder vorgemerkt ({ $whose })
limit-of-member = das persönliche Limit
limit-of-named = ein Limit nur für { $member }
limit-of-everyone = das Limit für alle hier
limit-of-role = das Limit von { $role }

## /music

status-title = Deine Songs in Arbeit
status-none = Du hast hier keine Songs in Arbeit. `/music create` erstellt einen.
status-card = [zur Karte]({ $link })
history-title = Deine Songs auf diesem Server
history-found = Deine Songs mit „{ $word }“
history-none = Noch keine Songs. `/music create` erstellt einen.
history-not-found = Keiner deiner Songs hier hat das im Titel, Stil oder Songtext.
history-searching = Deine älteren Songs werden durchsucht …
history-search-on = Weiter hinten gibt es vielleicht mehr: **Ältere** sucht weiter.
history-listen = [anhören]({ $link })
history-hint = `/music get` postet einen davon noch einmal.
best-title = Die besten Songs der Woche
best-none = Noch hat kein Song der letzten sieben Tage ein 👍. Drücke es unter einem, der dir gefällt.
best-hint = Songs der letzten sieben Tage, nach 👍 und 👎 darunter. Was vielen gefällt, zählt mehr als ein einzelnes 👍.
rated-liked = Dir gefällt dieser Song. Noch ein Druck auf 👍 nimmt das zurück.
rated-disliked = Dir gefällt dieser Song nicht. Noch ein Druck auf 👎 nimmt das zurück.
rated-nothing = Deine Bewertung ist weg. Niemand sonst hat sie gesehen.
rated-counts = 👍 { $likes } · 👎 { $dislikes }
lyrics-written = Hier ist dein Songtext. Öffne das Formular, um ihn zu ändern; ein Song entsteht und kostet erst, wenn du es abschickst.
help-title = Komm, wir machen einen Song 🎶
help-create = Tippe `/music create` und beschreib, was dir im Ohr klingt: „warmer Synthpop über den letzten Zug nach Hause“. Ein paar Minuten später ist dein Song da, und ich erwähne dich. Ein Song kostet { $price }.
help-custom = Hast du schon einen Songtext? `/music custom` singt ihn, mit deinem Titel und in deinem Stil.
help-buttons = Gefällt dir hier ein Song? **Nochmal** darunter macht eine neue Version, bei **Remixen** änderst du vorher den Text. Das geht bei jedem Song.
help-more = `/music top` zeigt die besten Songs der Woche, `/music history` deine eigenen, `/music credits`, was du noch hast, `/privacy view`, was über dich gespeichert ist.
help-managers = Du verwaltest diesen Server? Fang mit `/quota view` an.

## /quota

credits-title = Deine Credits
credits-left = Du hast noch **{ $credits }**.
credits-left-for = Du hast noch **{ $credits }**, genug für { $songs ->
    [one] **1** Song
   *[other] **{ $songs }** Songs
}.
credits-price = Ein Song kostet { $price }.
credits-your-limit = Dein Limit
quota-title = Credits dieses Servers
quota-can-spend = Jetzt verfügbar: **{ $credits }**. Ein Song kostet { $price }.
quota-paused = ⏸️ **Pausiert**: { $reason }
quota-ceiling = Höchstmögliches Kontingent
quota-limits = Limits
quota-top = Top-Mitglieder in diesem Zeitraum
quota-alerts = Budget-Warnungen
quota-zone = Zeitzone
pool-allowance = Kontingent
pool-allowance-value = { $credits } pro { $period }
pool-used-title = Verbraucht
pool-held = Vorgemerkt
pool-bonus = Bonus
pool-bonus-value = { $credits } (verfällt nicht)
pool-renews = Kontingent erneuert sich
limits-more = und { $count ->
    [one] 1 weitere Rolle
   *[other] { $count } weitere Rollen
}
limits-others = und { $count ->
    [one] 1 weiteres Limit
   *[other] { $count } weitere Limits
}
limits-title = Limits von Rollen und Mitgliedern
limits-hint = Eines aufheben, auch von einer gelöschten Rolle oder einem früheren Mitglied: /quota limits clear
limits-members = und { $count ->
    [one] 1 weiteres Mitglied mit eigenem Limit
   *[other] { $count } weitere Mitglieder mit eigenem Limit
}
limits-none = keine, nur das Server-Guthaben
everyone = alle
top-none = noch niemand
forgotten = jemand (Daten gelöscht)
explain-title = Regeln für dieses Mitglied
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
decides-pool = das Server-Guthaben: { $used }
decides-limit = { $whose }: { $credits } pro { $period }
changed-allowance = Kontingent: { $before } pro { $period-before } → **{ $after } pro { $period-after }**. Jetzt verfügbar: { $available }. Songs in Arbeit behalten ihre Credits.
changed-allowance-cut = Mehr als { $most } erlaubt der Bot hier nicht.
changed-zone = Zeitzone: { $before } → **{ $after }**. Das Kontingent erneuert sich am { $renews }; Verbrauchtes bleibt verbraucht.
changed-nothing = { $what }: weiterhin **{ $value }**. Es wurde nichts geändert.
changed-bonus = Bonus: { $before } → **{ $after }** ({ $difference }). Grund: { $reason }
changed-limit = Limit für { $whose }: { $before } → **{ $after }**.
changed-limit-beyond = { $count ->
    [one] 1 Mitglied hat schon mehr verbraucht und muss
   *[other] { $count } Mitglieder haben schon mehr verbraucht und müssen
} mit neuen Songs warten, bis sich das Limit erneuert.
member-limit-own = { $member } hat ein persönliches Limit: **{ $credits }** pro Zeitraum.
member-limit-role = { $member } hat kein persönliches Limit. Es entscheidet { $whose }: { $credits }.
member-limit-pool = { $member } hat kein persönliches Limit. Es entscheidet nur das Server-Guthaben.
role-limit-none = { $role } hat kein Limit.
role-limit = { $role }: **{ $credits }** pro Zeitraum für jedes Mitglied, sofern keine andere Regel mehr erlaubt.
refunded = **{ $credits }** erstattet für „{ $song }“ von { $member }. Verfügbar: { $before } → **{ $after }**.
paused = Aktiv → **pausiert**: { $reason }.
paused-ends = `/quota resume` beendet die Pause.
words-title = Wörter, die in Songs hier nicht vorkommen dürfen
words-none = noch keine
words-hint = Es zählen ganze Wörter in jeder Schrift, Groß- und Kleinschreibung ist egal. Welches es war, liest nur, wessen Text abgelehnt wird.
channels-title = Kanäle für Songs
channels-shown = Threads zählen wie ihr Kanal.
channels-changed = Die Kanäle sind geändert. Songs in Arbeit erscheinen noch am bisherigen Ort.
channels-asked = Anfordern in
channels-results = Erscheinen in
channels-announced = Angekündigt in
channels-everywhere = allen Kanälen
channels-where-asked = dem Kanal, in dem sie angefordert wurden
channels-hint = Geht das Posten dort nicht, erscheint ein Song, wo er angefordert wurde. Gelöschte Kanäle entfernst du mit /quota channels remove
channel-gone = gelöschter Kanal
managers-title = Verwaltung per Rolle
managers-shown = Mitglieder dieser Rollen dürfen /quota benutzen. Die Liste ändert nur, wer den Server verwalten darf.
managers-changed = Die Rollen sind geändert. Die Liste ändert nur, wer den Server verwalten darf.
managers-roles = Rollen
managers-show = So sehen sie die Befehle
managers-how = Discord zeigt `/quota` nur Mitgliedern mit der Berechtigung „Server verwalten“. Öffne Servereinstellungen → Integrationen, wähle diesen Bot, dann `/quota`, und füge dort die Rolle hinzu.
role-gone = gelöschte Rolle
word-refused = „{ $word }“ wird ab jetzt abgelehnt.
word-taken = „{ $word }“ darf wieder vorkommen.
songs-go-on = { $count ->
    [one] 1 Song in Arbeit läuft
   *[other] { $count } Songs in Arbeit laufen
} weiter.
resumed = Pausiert → **aktiv**: Neue Songs werden wieder angenommen.
resumed-nothing = Neue Songs waren nicht pausiert.
changed-alerts = Budget-Warnungen: { $before } → **{ $after }**.
changed-alerts-hint = Sorge bitte dafür, dass ich diesen Kanal sehen und dort posten kann.
alert-all = ⚠️ Dieser Server hat sein Kontingent aufgebraucht: { $used } von { $allowance }. Es erneuert sich { $renews }. Die Serververwaltung kann mit `/quota grant` Credits hinzufügen oder mit `/quota set` das Kontingent ändern.
alert-share = ⚠️ Dieser Server hat { $percent } % seines Kontingents verbraucht: { $used } von { $allowance }. Es erneuert sich { $renews }. Die Serververwaltung kann mit `/quota grant` Credits hinzufügen oder mit `/quota set` das Kontingent ändern.
ledger-title = Protokoll
ledger-none = Noch nichts.
ledger-only = Filter
ledger-of = für { $member }
ledger-bonus = (davon { $count } Bonus)
ledger-left = noch { $credits }
ledger-by = von { $actor }
ledger-by-operator = von der Person, die den Bot betreibt
value-open = aktiv
value-paused = pausiert
value-settled = abgebucht
value-refunded = erstattet
outcome-hold = in Arbeit
outcome-settle = bezahlt
outcome-release = zurückgegeben
outcome-refund = erstattet
export-cut = Mit allem wäre die Datei zu groß für Discord. Frag wegen des Rests bei der Person nach, die den Bot betreibt.
exported = { $count ->
    [one] 1 Eintrag.
   *[other] { $count } Einträge.
}
usage-title = Die letzten { $days } Tage
usage-sums = **{ $spent }** verbraucht, { $back } zurückgegeben oder erstattet.
usage-legend = 🟩 verbraucht 🟦 in Arbeit ⬜ zurückgegeben 🟧 erstattet; Credits pro Tag ({ $zone }).
usage-picture = Credits pro Tag, letzte { $days } Tage
usage-spent = verbraucht
usage-held = in Arbeit
usage-released = zurückgegeben
usage-refunded = erstattet
usage-none = Noch keine Songs.
usage-top = Top-Mitglieder

## /privacy

privacy-title = Was über dich gespeichert ist
privacy-since = Seit dem { $when }, auf { $servers ->
    [one] 1 Server
   *[other] { $servers } Servern
}.
privacy-counted = Gezählt wird hier nur bis { $count }. `/privacy export` enthält alles.
privacy-nothing = Über dich ist nichts gespeichert.
privacy-texts = Deine Texte
privacy-texts-value = Was du für { $songs } eingetippt hast, mit deinem damaligen Namen. Damit funktionieren „Nochmal“, „Remix“, „Songtext“ und `/music get`. Wird { $days ->
    [one] 1 Tag
   *[other] { $days } Tage
} nach der Fertigstellung des Songs gelöscht.
privacy-drafts = Entwürfe
privacy-drafts-value = { $count ->
    [one] 1 abgelehntes Formular
   *[other] { $count } abgelehnte Formulare
}, damit nichts verloren geht, was du eingetippt hast. Wird nach einem Tag gelöscht.
privacy-ratings = Bewertungen
privacy-ratings-value = { $count ->
    [0] Du hast noch keinen Song bewertet.
    [one] Dein 👍 oder 👎 zu 1 Song.
   *[other] Deine 👍 und 👎 zu { $count } Songs.
} Bewertungen zählen für `/music top`; niemand sieht, von wem sie sind. Sie werden mit den Texten des Songs gelöscht.
privacy-files = Audiodateien
privacy-files-value = { $count ->
    [one] 1 Datei
   *[other] { $count } Dateien
} auf der Festplatte des Bots, damit deine Songs noch einmal gepostet werden können. Wird nach { $days ->
    [one] 1 Tag
   *[other] { $days } Tagen
} gelöscht.
privacy-ids = IDs
privacy-ids-value = Deine ID und Sprache von Discord und wo die Nachrichten zu { $songs } stehen. Sie ordnen dir Songs, Credits und Limits zu.
privacy-credits = Credits und Limits
privacy-credits-value = { $entries ->
    [one] 1 Eintrag
   *[other] { $entries } Einträge
} im Credit-Protokoll{ $limits ->
    [0] .
    [one] {" "}und ein Limit, das die Serververwaltung auf 1 Server für dich festgelegt hat.
   *[other] {" "}und Limits, die die Serververwaltung auf { $limits } Servern für dich festgelegt hat.
} So gehen keine Credits verloren, und keine werden doppelt verbraucht. Das alles bleibt nach einer Löschung, aber ohne deinen Namen.
privacy-service = Der Musikdienst
privacy-service-value = Der Text eines Songs geht an den Musikdienst, der ihn erstellt. Hier wird damit nichts trainiert.
privacy-copies = Bei Updates oder einer Wiederherstellung hat der Bot { $count ->
    [one] eine Kopie
   *[other] { $count } Kopien
} seiner Datenbank angelegt. { $count ->
    [one] Sie wird
   *[other] Sie werden
} nach einer Woche gelöscht.
privacy-hash = Von einer früheren Löschung ist noch ein Hash deiner ID übrig, gebildet mit einem geheimen Schlüssel. Er verschwindet, sobald dein Verbrauch und deine Limits nicht mehr zählen müssen.
privacy-leaving = Deine Löschung wartet auf deine Songs in Arbeit.
privacy-write = Kontakt
privacy-write-value = Mit `/privacy export` bekommst du alles, mit `/privacy delete` löschst du es. Noch Fragen? Schreib an { $whom }.
privacy-host = die Person, die diesen Bot betreibt
privacy-owner = { $name }, die Person, die diesen Bot betreibt
privacy-exported = Hier ist alles, was über dich gespeichert ist: { $songs }. Nur du kannst das sehen.
privacy-exported-part = Hier ist, was über dich gespeichert ist, soweit es passt: { $songs }. Nur du kannst das sehen.
privacy-ask = **Alles löschen, was über dich gespeichert ist?** Deine Texte, Titel, Entwürfe, Bewertungen und Audiodateien verschwinden, auf allen Servern. Sie verschwinden auch aus Songs, die andere aus deinen Texten gemacht haben. Das lässt sich nicht rückgängig machen. Credits im Protokoll bleiben, ohne deinen Namen. Was du in diesem Zeitraum verbraucht hast und deine Limits von der Serververwaltung zählen weiter. Gepostete Nachrichten bleiben in Discord. Wenn sie weg sollen, drücke vorher unter jeder auf „Löschen“.
privacy-deleted = Gelöscht. Der Bot speichert nichts mehr davon. In Sicherungen des Bots kann es noch eine Weile stehen. Einträge zu Credits bleiben, ohne deinen Namen.
privacy-replaced = Auch eine Datenbank, die durch eine Sicherung ersetzt wurde, kann es enthalten. Sie wird nach dem { $when } gelöscht.
privacy-deleting = Gelöscht. Spuren in den Dateien des Bots werden innerhalb einer Stunde überschrieben. Einträge zu Credits bleiben, ohne deinen Namen.
privacy-deleting-on-server = Gelöscht. Spuren in den Dateien der Datenbank verschwinden innerhalb eines Tages. In ihrem Protokoll, in Kopien und Sicherungen können sie länger stehen. Einträge zu Credits bleiben, ohne deinen Namen.
privacy-waits = Alles Fertige ist gelöscht. Der Rest folgt nach { $songs } in Arbeit. Bis dahin kannst du nichts Neues anfordern.
