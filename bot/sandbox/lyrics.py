"""Write lyrics without a model: verses built around the words of the prompt."""

import hashlib
import re
from typing import Final

OPENINGS: Final = (
    "I was walking home with {words} on my mind",
    "Somebody told me about {words} tonight",
    "There is a light in the window, and {words}",
    "All of the radios are singing {words}",
)
LINES: Final = (
    "The street was wet and the signs were bright",
    "I kept the change and a paper moon",
    "A train went by like a line of rhyme",
    "We counted the stars till the morning came",
    "The kettle was humming a minor tune",
    "And nobody asked us to say our names",
)
CHORUSES: Final = (
    "Oh, {words}, stay a little while\nOh, {words}, one more mile",
    "Sing it again, {words}\nSing it again till the end",
)
WORDS_MAX: Final = 8
"""Maximum number of prompt words to sing."""


def drafts_of(prompt: str) -> list[dict[str, object]]:
    """Return two drafts, deterministic for a given prompt."""
    plain = re.sub(r"\[[^]]*\]", "", prompt)
    words = " ".join(re.findall(r"[\w'\u2019-]+", plain)[:WORDS_MAX]) or "nothing at all"
    return [_draft(words, number) for number in range(2)]


def _draft(words: str, number: int) -> dict[str, object]:
    seed = hashlib.sha256(f"{number}:{words}".encode()).digest()
    chorus = CHORUSES[seed[0] % len(CHORUSES)].format(words=words)
    parts = []
    for verse in (1, 2):
        opening = OPENINGS[(seed[1] + verse) % len(OPENINGS)].format(words=words)
        lines = [LINES[(seed[2] + 3 * verse + at) % len(LINES)] for at in range(3)]
        parts += ["\n".join([f"[Verse {verse}]", opening, *lines]), f"[Chorus]\n{chorus}"]
    return {
        "text": "\n\n".join(parts),
        "title": words.title(),
        "status": "complete",
        "errorMessage": "",
    }
