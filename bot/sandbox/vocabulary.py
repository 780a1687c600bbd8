"""The words of a request that name styles, moods and instruments, and what they change."""

import re
from dataclasses import replace

from bot.sandbox.moods import Mood
from bot.sandbox.styles import STYLES, Style

STYLE_WORDS = {
    "pop": "pop",
    "indie": "pop",
    "ballad": "pop",
    "lofi": "lofi",
    "chillhop": "lofi",
    "study": "lofi",
    "ambient": "ambient",
    "drone": "ambient",
    "meditation": "ambient",
    "space": "ambient",
    "newage": "ambient",
    "synthwave": "synthwave",
    "synth": "synthwave",
    "synthpop": "synthwave",
    "retrowave": "synthwave",
    "vaporwave": "synthwave",
    "neon": "synthwave",
    "electropop": "synthwave",
    "rock": "rock",
    "punk": "rock",
    "grunge": "rock",
    "blues": "jazz",
    "jazz": "jazz",
    "swing": "jazz",
    "bossa": "jazz",
    "folk": "folk",
    "acoustic": "folk",
    "country": "folk",
    "celtic": "folk",
    "bluegrass": "folk",
    "cinematic": "cinematic",
    "epic": "cinematic",
    "orchestral": "cinematic",
    "orchestra": "cinematic",
    "trailer": "cinematic",
    "soundtrack": "cinematic",
    "heroic": "cinematic",
    "dance": "dance",
    "house": "dance",
    "techno": "dance",
    "edm": "dance",
    "trance": "dance",
    "club": "dance",
    "disco": "dance",
    "metal": "metal",
    "metalcore": "metal",
    "thrash": "metal",
    "lullaby": "lullaby",
    "sleep": "lullaby",
    "cradle": "lullaby",
    "classical": "classical",
    "sonata": "classical",
    "baroque": "classical",
    "hiphop": "hiphop",
    "hip": "hiphop",
    "rap": "hiphop",
    "trap": "hiphop",
    "drill": "hiphop",
    "funk": "funk",
    "soul": "funk",
    "rnb": "funk",
    "reggae": "reggae",
    "ska": "reggae",
    "dub": "reggae",
    "chiptune": "chiptune",
    "8bit": "chiptune",
    "arcade": "chiptune",
    "waltz": "waltz",
    "musette": "waltz",
}

LEAD_WORDS = {
    "flute": "flute",
    "violin": "violin",
    "fiddle": "violin",
    "cello": "violin",
    "sax": "saxophone",
    "saxophone": "saxophone",
    "clarinet": "clarinet",
    "trumpet": "brass",
    "brass": "brass",
    "horns": "brass",
    "bells": "bells",
    "choir": "choir",
}
CHORD_WORDS = {
    "piano": "piano",
    "rhodes": "electric piano",
    "guitar": "guitar",
    "organ": "organ",
    "strings": "strings",
    "harp": "pluck",
}

SAD = Mood(("minor",), 0.86, 0.8, 0.1, calm=True)
HAPPY = Mood(("major",), 1.08, 1.12)
DARK = Mood(("phrygian", "minor"), 0.94, 0.8, 0.05)
DREAMY = Mood(("lydian", "major"), 0.92, 0.9, 0.2, calm=True)
CALM = Mood((), 0.86, 0.82, 0.08, calm=True)
WILD = Mood((), 1.12, 1.15)
WARM = Mood((), 1.0, 0.88)

MOOD_WORDS = {
    "sad": SAD,
    "melancholy": SAD,
    "melancholic": SAD,
    "lonely": SAD,
    "tears": SAD,
    "grief": SAD,
    "rain": SAD,
    "heartbreak": SAD,
    "nostalgic": SAD,
    "happy": HAPPY,
    "joyful": HAPPY,
    "cheerful": HAPPY,
    "upbeat": HAPPY,
    "sunny": HAPPY,
    "birthday": HAPPY,
    "summer": HAPPY,
    "dark": DARK,
    "evil": DARK,
    "haunting": DARK,
    "spooky": DARK,
    "horror": DARK,
    "sinister": DARK,
    "dreamy": DREAMY,
    "ethereal": DREAMY,
    "floating": DREAMY,
    "magical": DREAMY,
    "calm": CALM,
    "slow": CALM,
    "gentle": CALM,
    "chill": CALM,
    "relaxing": CALM,
    "quiet": CALM,
    "peaceful": CALM,
    "soft": CALM,
    "fast": WILD,
    "energetic": WILD,
    "angry": WILD,
    "wild": WILD,
    "aggressive": WILD,
    "intense": WILD,
    "warm": WARM,
    "cozy": WARM,
    "romantic": WARM,
    "love": WARM,
}


def spoken(words: str) -> list[str]:
    """Return the words of a text in lower case; hyphens are dropped (`lo-fi` becomes `lofi`)."""
    return re.findall(r"[^\W_]+", words.casefold().replace("-", ""))


def style_named(words: str, otherwise: str) -> tuple[str, Style]:
    """Return the style that the words name, or `otherwise`, changed by the moods and instruments they name.

    The first style named decides. A second one contributes its drums if it has the same number of beats.
    """
    vocabulary = spoken(words)
    named = list(dict.fromkeys(STYLE_WORDS[word] for word in vocabulary if word in STYLE_WORDS)) or [
        otherwise
    ]
    style = STYLES[named[0]]
    if len(named) > 1 and STYLES[named[1]].beats == style.beats:
        style = replace(style, drums=STYLES[named[1]].drums, swing=STYLES[named[1]].swing)
    for mood in dict.fromkeys(MOOD_WORDS[word] for word in vocabulary if word in MOOD_WORDS):
        style = mood.applied_to(style)
    for word in vocabulary:
        if word in LEAD_WORDS:
            style = replace(style, leads=(LEAD_WORDS[word],))
        if word in CHORD_WORDS and style.comping != "chug":
            style = replace(style, chords=CHORD_WORDS[word])
    return named[0], style
