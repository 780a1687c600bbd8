"""The styles that a request may name: tempo, modes, instruments, drums and sound of each."""

from dataclasses import dataclass

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
"""Semitones of the seven degrees above the tonic."""

PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 5, 4), (5, 3, 0, 4), (0, 2, 3, 4)),
    "lydian": ((0, 1, 0, 4), (0, 4, 1, 0), (0, 1, 5, 4)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 4, 6, 3)),
    "dorian": ((0, 3, 0, 6), (0, 2, 3, 0), (0, 6, 3, 3)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 5, 3, 4), (0, 2, 6, 3)),
    "phrygian": ((0, 1, 0, 6), (0, 1, 5, 1), (0, 6, 1, 0)),
}
"""Progressions of four chords for each mode, as degrees of the scale counted from 0."""

JAZZ_PROGRESSIONS = ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4))

DRUMS: dict[str, dict[str, str]] = {
    "none": {},
    "four on the floor": {
        "kick": "X...X...X...X...",
        "clap": "....X.......X...",
        "open hat": "..x...x...x...x.",
        "shaker": "x.xxx.xxx.xxx.xx",
    },
    "drive": {"kick": "X...X...X...X...", "snare": "....X.......X...", "hat": "x.xxx.xxx.xxx.xx"},
    "rock": {"kick": "X.....x.X.x.....", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
    "pop": {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.xx"},
    "dusty": {"kick": "X......x..X.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.xxx.x."},
    "swing": {"kick": "x.......x.......", "ride": "X...X.x.X...X.x.", "brush": "....x.......x..."},
    "trap": {"kick": "X.....x...X.....", "snare": "........X.......", "hat": "X.x.X.xxX.x.xxxx"},
    "blast": {"kick": "X.xxX.xxX.xxX.xx", "snare": "....X.......X...", "ride": "X...X...X...X..."},
    "march": {"tom": "X..x..x.X..x.xxx", "snare": "........x......."},
    "stomp": {"kick": "X.......X.......", "clap": "....x.......x...", "shaker": "x.X.x.X.x.X.x.X."},
    "groove": {"kick": "X..x..x...x..x..", "snare": "....X..x.x..X..x", "hat": "x.xxx.xxx.xxx.xx"},
    "offbeat": {"kick": "........X.......", "brush": "........X.......", "hat": "..X...X...X...X."},
    "waltz": {"kick": "x...........", "brush": "....x...x..."},
}
"""Pattern of each drum in one bar, in sixteenths: X is loud, x is soft. A waltz has 12 of them."""

UNNAMED = ("pop", "folk", "synthwave", "lofi", "classical", "funk")
"""Styles for requests that name none; the request's text determines which."""


@dataclass(frozen=True)
class Style:
    """How a genre of music is played."""

    tempo_bpm: tuple[int, int]
    """Slowest and fastest tempo, in quarter notes per minute."""
    modes: tuple[str, ...]
    chords: str
    """The voice that plays the chords."""
    comping: str
    """How the chords are played: held, arpeggio, strum, stabs, chug, broken, offbeat."""
    bass: str
    bass_line: str
    """How the bass moves: long, eighths, walk, bounce, root and fifth, none."""
    leads: tuple[str, ...]
    """Voices that may play the melody."""
    drums: str
    beats: int = 4
    """Quarter notes in a bar."""
    swing: float = 0.0
    """Delay of the second eighth, in quarter notes; a sixth gives triplets."""
    jazzy: bool = False
    """Whether chords have sevenths and progressions move in fifths."""
    pad: str = ""
    """A second voice that holds the chords."""
    lively: bool = True
    """Whether the melody moves in eighths rather than quarters."""
    brightness: float = 1.0
    reverb: float = 0.25
    """Share of reverb in the sound."""
    pump: float = 0.0
    """How far the kick ducks the rest, 0 to 1."""
    echo: float = 0.0
    """Loudness of the melody's first echo, 0 to 1."""


STYLES = {
    "pop": Style(
        (100, 118),
        ("major",),
        "piano",
        "strum",
        "bass finger",
        "eighths",
        ("saw lead", "electric piano"),
        "pop",
        pad="pad",
        echo=0.2,
    ),
    "lofi": Style(
        (72, 84),
        ("dorian", "minor", "major"),
        "electric piano",
        "broken",
        "bass sub",
        "bounce",
        ("guitar", "flute", "electric piano"),
        "dusty",
        swing=0.12,
        jazzy=True,
        lively=False,
        brightness=0.75,
        reverb=0.2,
    ),
    "ambient": Style(
        (66, 74),
        ("lydian", "major", "dorian"),
        "pad",
        "held",
        "bass sub",
        "long",
        ("bells", "flute", "choir"),
        "none",
        pad="choir",
        lively=False,
        brightness=0.8,
        reverb=0.55,
        echo=0.4,
    ),
    "synthwave": Style(
        (96, 116),
        ("minor", "dorian"),
        "pluck",
        "arpeggio",
        "bass synth",
        "eighths",
        ("saw lead", "brass"),
        "drive",
        pad="pad",
        brightness=1.1,
        reverb=0.3,
        pump=0.45,
        echo=0.35,
    ),
    "rock": Style(
        (116, 140),
        ("mixolydian", "minor", "major"),
        "distorted guitar",
        "chug",
        "bass finger",
        "eighths",
        ("distorted guitar", "organ"),
        "rock",
        brightness=1.1,
        reverb=0.15,
    ),
    "jazz": Style(
        (104, 140),
        ("major", "dorian"),
        "piano",
        "stabs",
        "bass upright",
        "walk",
        ("saxophone", "clarinet", "piano"),
        "swing",
        swing=1 / 6,
        jazzy=True,
        reverb=0.2,
    ),
    "folk": Style(
        (92, 114),
        ("major", "mixolydian", "dorian"),
        "guitar",
        "broken",
        "bass upright",
        "root and fifth",
        ("flute", "violin", "guitar"),
        "stomp",
        reverb=0.2,
    ),
    "cinematic": Style(
        (80, 96),
        ("minor", "dorian", "lydian"),
        "strings",
        "held",
        "bass sub",
        "long",
        ("brass", "violin", "choir"),
        "march",
        pad="choir",
        lively=False,
        reverb=0.5,
    ),
    "dance": Style(
        (122, 130),
        ("minor", "dorian", "mixolydian"),
        "pluck",
        "offbeat",
        "bass synth",
        "eighths",
        ("saw lead", "pluck"),
        "four on the floor",
        pad="pad",
        brightness=1.2,
        reverb=0.25,
        pump=0.65,
        echo=0.3,
    ),
    "metal": Style(
        (150, 176),
        ("phrygian", "minor"),
        "distorted guitar",
        "chug",
        "bass synth",
        "eighths",
        ("distorted guitar",),
        "blast",
        brightness=1.25,
        reverb=0.12,
    ),
    "lullaby": Style(
        (84, 96),
        ("major", "lydian"),
        "music box",
        "broken",
        "bass sub",
        "long",
        ("bells", "flute", "music box"),
        "none",
        beats=3,
        lively=False,
        brightness=0.85,
        reverb=0.4,
    ),
    "classical": Style(
        (76, 104),
        ("major", "minor"),
        "piano",
        "arpeggio",
        "bass upright",
        "long",
        ("violin", "piano", "clarinet"),
        "none",
        pad="strings",
        reverb=0.4,
    ),
    "hiphop": Style(
        (78, 94),
        ("minor", "phrygian", "dorian"),
        "electric piano",
        "stabs",
        "bass sub",
        "bounce",
        ("pluck", "bells", "flute"),
        "trap",
        jazzy=True,
        brightness=0.9,
        reverb=0.2,
    ),
    "funk": Style(
        (100, 114),
        ("dorian", "mixolydian"),
        "electric piano",
        "stabs",
        "bass finger",
        "bounce",
        ("brass", "saxophone"),
        "groove",
        jazzy=True,
        reverb=0.12,
    ),
    "reggae": Style(
        (76, 90),
        ("major", "minor"),
        "organ",
        "offbeat",
        "bass finger",
        "bounce",
        ("brass", "organ"),
        "offbeat",
        reverb=0.25,
        echo=0.4,
    ),
    "chiptune": Style(
        (130, 154),
        ("major", "minor", "dorian"),
        "chip",
        "arpeggio",
        "chip",
        "eighths",
        ("chip",),
        "drive",
        brightness=1.1,
        reverb=0.06,
    ),
    "waltz": Style(
        (132, 156),
        ("major", "minor"),
        "piano",
        "offbeat",
        "bass upright",
        "long",
        ("violin", "clarinet"),
        "waltz",
        beats=3,
        pad="strings",
        reverb=0.3,
    ),
}
