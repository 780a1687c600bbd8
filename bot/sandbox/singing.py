"""Sing lyrics: their lines, the syllables of each word, and the vowels of each syllable."""

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from bot.sandbox.melody import fitted, wander
from bot.sandbox.mixer import Mix, hertz
from bot.sandbox.score import CHORUS, VERSE
from bot.sandbox.syllables import BURSTING, HISSING, sung
from bot.sandbox.vocabulary import spoken

if TYPE_CHECKING:
    from bot.sandbox.synthesis import Samples

LINES_MAX = 64
SYLLABLES_PER_LINE_MAX = 24

# Contains Cyrillic letters that look like Latin ones.
VOWEL_SOUNDS = {
    **dict.fromkeys("aàáâäåаяあ", "a"),  # noqa: RUF001
    **dict.fromkeys("eèéêëеэє", "e"),  # noqa: RUF001
    **dict.fromkeys("iíîïyиыі", "i"),  # noqa: RUF001
    **dict.fromkeys("oóôöøоё", "o"),  # noqa: RUF001
    **dict.fromkeys("uúûüую", "u"),  # noqa: RUF001
}


def sing(mix: Mix, rng: np.random.Generator, lines: list[list[str]]) -> None:
    """Sing the lines in verse and chorus, two bars each, with the same tune for every other line."""
    score, style = mix.score, mix.score.style
    around = 64 if score.feminine else 54
    synthesised: dict[tuple[str, str, int, int], Samples] = {}
    spoken_lines = iter(range(LINES_MAX))
    for section, centre in ((VERSE, 0), (CHORUS, 2)):
        walks = (wander(rng), wander(rng))
        for index in range(0, score.form[section], 2):
            syllables = lines[next(spoken_lines) % len(lines)]
            first = (score.start(section) + index) * style.beats
            rhythm = _sung_rhythm(first, len(syllables), 2 * style.beats)
            tones = fitted(score, rhythm, walks[index // 2 % 2], centre)
            for syllable, tone in zip(syllables, tones, strict=True):
                midi = score.midi(tone.degree, around)
                held_s = score.seconds(tone.length)
                key = (*_mouth(syllable), midi, round(held_s * 1000))
                if key not in synthesised:
                    synthesised[key] = sung(*key[:2], hertz(midi), held_s)
                mix.add(mix.front, synthesised[key], tone.start, 0.75)
                if section == CHORUS:
                    # Two more voices, slightly delayed, sound like a choir.
                    mix.add(mix.front, synthesised[key], tone.start + 0.03, 0.3, 0.8)
                    mix.add(mix.front, synthesised[key], tone.start + 0.05, 0.3, -0.8)


def sung_lines(lyrics: str) -> list[list[str]]:
    """Return the syllables of each sung line, without stage directions such as `[Chorus]`."""
    lines = []
    for line in lyrics.splitlines()[: 4 * LINES_MAX]:
        if line.strip() and not line.strip().startswith(("[", "(")):
            syllables = [syllable for word in spoken(line) for syllable in _syllables(word)]
            if syllables:
                lines.append(syllables[:SYLLABLES_PER_LINE_MAX])
    return lines[:LINES_MAX]


def _syllables(word: str) -> list[str]:
    """Split a word before the consonant that precedes each group of vowels but the first."""
    if all(unicodedata.category(letter) == "Lo" for letter in word):
        return list(word)
    pieces: list[str] = []
    current, has_vowel = "", False
    for index, letter in enumerate(word):
        vowel = letter in VOWEL_SOUNDS and not (letter == "y" and index == 0)
        leads_next = not vowel and has_vowel and index + 1 < len(word) and word[index + 1] in VOWEL_SOUNDS
        silent_e = leads_next and index + 2 == len(word) and word[-1] == "e"
        if leads_next and not silent_e:
            pieces.append(current)
            current, has_vowel = "", False
        current += letter
        has_vowel = has_vowel or vowel
    return [*pieces, current]


def _mouth(syllable: str) -> tuple[str, str]:
    """Return the consonant that a syllable starts with, if any, and its vowel."""
    first = syllable[0]
    consonant = first if first in HISSING + BURSTING else ""
    for letter in syllable:
        if letter in VOWEL_SOUNDS:
            return consonant, VOWEL_SOUNDS[letter]
    return consonant, "aeiouə"[ord(syllable[-1]) % 6]


def _sung_rhythm(first: float, count: int, span: int) -> list[tuple[float, float]]:
    """Spread syllables over a span of quarter notes, on eighths if they fit, with a breath at the end."""
    usable = span - 1.5
    grid = 0.5 if count <= usable * 2 else usable / count
    starts = [first + round(index * min(usable / count, 1.0) / grid) * grid for index in range(count)]
    ends = [*starts[1:], max(starts[-1] + grid, min(starts[-1] + 2, first + span - 0.5))]
    return [(start, (end - start) * 0.95) for start, end in zip(starts, ends, strict=True)]
