"""Words that a server refuses in its songs, and matching them in texts of any script.

Comparison ignores case, width and invisible characters. Only whole words match: in scripts with spaces
between words, no letter, mark or digit may touch the word. Chinese, Japanese kana, Thai and the like have no
spaces; there a word matches anywhere, but never within a grapheme or a run of katakana.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bot.database.engine import Tx
from bot.lazy import lazy, lazy_unicode_pattern
from bot.model import GuildId, SongRequest

if TYPE_CHECKING:
    import regex
else:
    regex = lazy("regex")

WORDS_MAX: Final = 100
"""Maximum number of refused words per server."""
REFUSED_WORD_MAX: Final = 50
"""Maximum length of a refused word in its folded form, in characters."""
PATTERNS_CACHED: Final = 64
"""Number of servers whose compiled pattern is cached."""

_UNSPACED: Final = r"\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_KATAKANA: Final = r"\p{Katakana}\u30fc"
_BEGINS_UNSPACED: Final = lazy_unicode_pattern(rf"[{_UNSPACED}]")
_INVISIBLE: Final = lazy_unicode_pattern(r"\p{Default_Ignorable_Code_Point}")
_SPACES: Final = lazy_unicode_pattern(r"[\s\p{Z}]+")


def folded(text: str) -> str:
    """Normalise a text for comparison: ignore case, width, invisible characters and kinds of space."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    # Case folding may decompose a letter, and composing it again may yield one that can be folded further.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.casefold()).casefold())
    return _SPACES.sub(" ", text).strip()


def words(tx: Tx, guild_id: GuildId) -> list[str]:
    """Return a server's refused words in their folded form, in order."""
    rows = tx.execute("SELECT word FROM refused_word WHERE guild_id = ? ORDER BY word", (guild_id,))
    return [row["word"] for row in rows]


def add(tx: Tx, guild_id: GuildId, word: str) -> None:
    """Refuse a ``folded`` word."""
    tx.execute(
        "INSERT INTO refused_word (guild_id, word) VALUES (?, ?) ON CONFLICT DO NOTHING", (guild_id, word)
    )


def remove(tx: Tx, guild_id: GuildId, word: str) -> bool:
    """Stop refusing a ``folded`` word. Returns whether it was refused."""
    cursor = tx.execute("DELETE FROM refused_word WHERE guild_id = ? AND word = ?", (guild_id, word))
    return cursor.rowcount > 0


def found(tx: Tx, guild_id: GuildId, request: SongRequest) -> str | None:
    """Return a word in the request that its server refuses, or None."""
    refused = words(tx, guild_id)
    if not refused:
        return None
    texts = (request.prompt, request.title, request.style, request.lyrics, request.avoid)
    return first_in(texts, refused)


def first_in(texts: Iterable[str], refused: Iterable[str]) -> str | None:
    """Return the first refused ``folded`` word found in the texts, or None."""
    pattern = _pattern(tuple(refused))
    for text in texts:
        match = pattern.search(folded(text))
        if match is not None:
            return str(match[0])
    return None


@lru_cache(maxsize=PATTERNS_CACHED)
def _pattern(refused: tuple[str, ...]) -> "regex.Pattern[str]":
    """Return a pattern that matches any of the words, trying the longest first."""
    longest = sorted(refused, key=len, reverse=True)
    return regex.compile("|".join(_whole(word) for word in longest) or "(?!)")


def _whole(word: str) -> str:
    before, after = (_edge(word[0]), _edge(word[-1])) if word else ("", "")
    return rf"(?<!{before}){regex.escape(word)}(?!{after}|\p{{M}})" if word else "(?!)"


def _edge(character: str) -> str:
    """Return a pattern of characters that must not touch a word beginning or ending with this one."""
    if _BEGINS_UNSPACED.match(character):
        return r"\p{M}"
    if regex.match(rf"[{_KATAKANA}]", character):
        return rf"[{_KATAKANA}]"
    if regex.match(r"[\p{L}\p{M}\p{N}]", character):
        return rf"(?![{_UNSPACED}{_KATAKANA}])[\p{{L}}\p{{M}}\p{{N}}]"
    return r"(?!)"
