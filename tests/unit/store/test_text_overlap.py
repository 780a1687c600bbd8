"""Whether an edited text still contains another member's words."""

import pytest

from bot.store.text_overlap import has_words_of

LYRICS = """[Verse 1]
City lights and midnight rain
I left my heart on the evening train

[Chorus]
Oh oh oh
Come back, come back again"""
OWN = """[Verse 1]
My dog has fleas
[Chorus]
And so have I"""


@pytest.mark.parametrize(
    ("text", "original"),
    [
        (LYRICS, LYRICS),
        (LYRICS.replace("I left my heart on the evening train", "My dog has fleas"), LYRICS),
        (f"{OWN}\nCOME BACK -- come back, again!", LYRICS),
        (f"{OWN}\nunder the lights and midnight rain of ours", LYRICS),
        ("Come back,\ncome back\nagain", LYRICS),
        ("Neon Rain II", "Neon Rain"),
        ("rain!", "Rain"),
        ("\uff4e\uff45\uff4f\uff4e\u3000rain", "Neon Rain"),
        ("synthwave, slow and heavy on the bass", "Synthwave, slow"),
        ("昨日の夜は雨が降っていた、と犬が言う", "雨が降っていた"),
        ("犬の歌", "犬の歌"),
        ("вчера шёл дождь и снег", "Шёл дождь"),
    ],
)
def test_a_text_that_keeps_a_line_or_a_long_run_of_words_overlaps(text: str, original: str) -> None:
    assert has_words_of(text, original)


@pytest.mark.parametrize(
    ("text", "original"),
    [
        (OWN, LYRICS),
        ("", LYRICS),
        (LYRICS, ""),
        ("…", "…"),
        ("[Chorus]", "[Chorus]"),
        ("Rain of Fire", "Rain"),
        ("pop, fast", "pop"),
        ("instrumental break", "instrumental intro"),
        ("犬が走る", "犬が言う"),
        ("midnight train", "midnight rain"),
    ],
)
def test_a_text_with_only_common_words_does_not_overlap(text: str, original: str) -> None:
    assert not has_words_of(text, original)
