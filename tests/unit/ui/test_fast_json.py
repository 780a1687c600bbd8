"""JSON by msgspec reads and writes what Python's own module does."""

import json
from typing import Final

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui import fast_json

TEXTS: Final = st.text(st.characters(codec=None))
NUMBERS: Final = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON: Final[st.SearchStrategy[object]] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)


@given(JSON)
def test_json_of_python_is_read_alike(content: object) -> None:
    assert content == fast_json.decoded(json.dumps(content))


@given(JSON)
def test_python_reads_what_is_written(content: object) -> None:
    assert json.loads(json.dumps(content)) == json.loads(fast_json.encoded(content))


@pytest.mark.parametrize("text", ['"\\ud800"', "1e999", "[Infinity]", '{"a": 1, "a": 2}', f"{2**80}"])
def test_odd_json_is_read_alike(text: str) -> None:
    assert json.loads(text) == fast_json.decoded(text)


@pytest.mark.parametrize("text", ["", "{", "<html>", "[1,]", "'a'"])
def test_malformed_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        fast_json.decoded(text)


def test_discord_py_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord.utils, "_from_json", json.loads)
    monkeypatch.setattr(discord.utils, "_to_json", json.dumps)

    fast_json.install()

    assert {"a": ["ü", 1]} == discord.utils._from_json('{"a": ["ü", 1]}')
    assert '{"a":["ü",1]}' == discord.utils._to_json({"a": ["ü", 1]})
