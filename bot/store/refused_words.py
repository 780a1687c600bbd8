"""Words that a server does not take in its songs, and how they are found in a text of any script.

Texts are compared without case, width and invisible characters. A word counts only as a whole: where a script
writes spaces between words, no letter, mark or digit may touch it. Chinese, Japanese kana, Thai and the like
have no spaces; there a word counts wherever it stands, but never within a grapheme or a run of katakana.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import regex

from bot.database.engine import Tx
from bot.model import GuildId, SongRequest

WORDS_MAX: Final = 100
"""Maximum words that one server can refuse."""
REFUSED_WORD_MAX: Final = 50
"""Maximum characters of one of them, as it is compared."""
PATTERNS_CACHED: Final = 64
"""Number of servers whose pattern is kept compiled."""

_UNSPACED: Final = r"\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_KATAKANA: Final = r"\p{Katakana}\u30fc"
_BEGINS_UNSPACED: Final = regex.compile(rf"[{_UNSPACED}]")
_INVISIBLE: Final = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_SPACES: Final = regex.compile(r"[\s\p{Z}]+")


def folded(text: str) -> str:
    """Return the text as it is compared: without case, width, invisible characters and kinds of space."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    # Folding may take a composed letter apart, and composing may leave one that can be folded.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.casefold()).casefold())
    return _SPACES.sub(" ", text).strip()


def words(tx: Tx, guild_id: GuildId) -> list[str]:
    """Return the words that a server refuses, in order, as they are compared."""
    rows = tx.execute("SELECT word FROM refused_word WHERE guild_id = ? ORDER BY word", (guild_id,))
    return [row["word"] for row in rows]


def add(tx: Tx, guild_id: GuildId, word: str) -> None:
    """Refuse a ``folded`` word from now on."""
    tx.execute(
        "INSERT INTO refused_word (guild_id, word) VALUES (?, ?) ON CONFLICT DO NOTHING", (guild_id, word)
    )


def remove(tx: Tx, guild_id: GuildId, word: str) -> bool:
    """Take a ``folded`` word again. Returns whether it was refused."""
    cursor = tx.execute("DELETE FROM refused_word WHERE guild_id = ? AND word = ?", (guild_id, word))
    return cursor.rowcount > 0


def found(tx: Tx, guild_id: GuildId, request: SongRequest) -> str | None:
    """Return a word in a request that its server refuses, if there is one."""
    refused = words(tx, guild_id)
    if not refused:
        return None
    texts = (request.prompt, request.title, request.style, request.lyrics, request.avoid)
    return first_in(texts, refused)


def first_in(texts: Iterable[str], refused: Iterable[str]) -> str | None:
    """Return the first ``folded`` word that one of the texts has."""
    pattern = _pattern(tuple(refused))
    for text in texts:
        match = pattern.search(folded(text))
        if match is not None:
            return str(match[0])
    return None


@lru_cache(maxsize=PATTERNS_CACHED)
def _pattern(refused: tuple[str, ...]) -> "regex.Pattern[str]":
    """Return what finds any of the words; the longest are tried first."""
    longest = sorted(refused, key=len, reverse=True)
    return regex.compile("|".join(_whole(word) for word in longest) or "(?!)")


def _whole(word: str) -> str:
    before, after = (_edge(word[0]), _edge(word[-1])) if word else ("", "")
    return rf"(?<!{before}){regex.escape(word)}(?!{after}|\p{{M}})" if word else "(?!)"


def _edge(character: str) -> str:
    """Return what must not touch a word that begins or ends with this character."""
    if _BEGINS_UNSPACED.match(character):
        return r"\p{M}"
    if regex.match(rf"[{_KATAKANA}]", character):
        return rf"[{_KATAKANA}]"
    if regex.match(r"[\p{L}\p{M}\p{N}]", character):
        return rf"(?![{_UNSPACED}{_KATAKANA}])[\p{{L}}\p{{M}}\p{{N}}]"
    return r"(?!)"
