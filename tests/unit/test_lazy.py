"""Patterns that are compiled on first use, or once the bot is connected."""

import asyncio
import re
from functools import partial

import pytest

from bot import lazy, lifecycle
from bot.lazy import lazy_pattern, lazy_unicode_pattern
from bot.ops import memory


def test_a_lazy_pattern_works_like_a_compiled_one() -> None:
    letters, marks = lazy_pattern("[A-C]+", re.IGNORECASE), lazy_unicode_pattern(r"(?s)(.)(\p{M}+)")

    assert ["ab", "C"] == letters.findall("ab-xC")
    assert ("-", "[A-C]+") == (letters.sub("", "ab-C"), letters.pattern)
    assert "e" == marks.sub(r"\1", "e\u0301")


def test_a_lazy_pattern_is_compiled_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "_PATTERNS", [])
    pattern = lazy_pattern("(")

    for _ in range(2):
        with pytest.raises(re.error, match="missing"):
            pattern.search("a")


async def test_patterns_are_compiled_once_the_bot_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(lazy, "_PATTERNS", [])
    for name in "ab":
        lazy._LazyPattern(partial(compiled.append, name))
    monkeypatch.setattr(memory, "LOOK_EVERY_S", 0.0)
    connected, quiet = asyncio.Event(), iter([False, True])
    seen: list[list[str]] = []

    def is_quiet(_quiet_s: float) -> bool:
        seen.append(list(compiled))
        return next(quiet)

    warming = asyncio.create_task(lifecycle._warm_up(connected, is_quiet))
    await asyncio.sleep(0)
    before = list(compiled)
    connected.set()
    await warming

    assert ([], ["a", "b"]) == (before, compiled)
    assert [["a"], ["a", "b"]] == seen
