"""What characters do, for texts that anybody may have typed: which are seen, which break lines."""

import re
import unicodedata
from typing import Final

# Python's unicodedata lacks the property Default_Ignorable_Code_Point. Source:
# https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt, read 2026-11-26.
IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Characters without a form of their own, as the inside of a regular expression's class."""
FILLERS: Final = "\u2800\ufff9-\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
"""Blanks that Unicode counts as letters, marks or symbols, in the same form."""
_UNSEEN: Final = re.compile(f"[{IGNORABLE}{FILLERS}]+")
_LINE_BREAK: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"})
"""Controls, private characters, spaces, and marks, which need a character to stand on."""


def is_blank(text: str) -> bool:
    """Return whether nothing in the text can be seen."""
    return all(unicodedata.category(char) in _UNSEEN_CATEGORIES for char in _UNSEEN.sub("", text))


def with_plain_breaks(text: str) -> str:
    """Return the text with every kind of line break as a line feed."""
    return _LINE_BREAK.sub("\n", text)
