"""Rules for what the bot shows: texts are cut in one place, and every embed comes with text."""

import ast
from pathlib import Path

import pytest

from tests.rules.repository import BOT, name, tree

UI = [path for path in BOT if name(path).startswith("bot/ui/")]
SLICED = {
    "bot/ui/autocompletion.py": {"names[:1]", "list(dict.fromkeys(filter(None, candidates)))[:SEARCHES_MAX]"},
    "bot/ui/cards.py": {"jobs[:STATUS_MAX]"},
    "bot/ui/charsets.py": {"text[:SAMPLE_MAX]", "text[:-1]", "text[1:]"},  # weighed, not shown
    "bot/ui/discord_checks.py": {"CHECKS[len(checks):]"},
    "bot/ui/file_names.py": {"clusters[:TITLE_CHARS_MAX]"},
    "bot/ui/fitted_embed.py": {"fields[:EMBED_FIELDS_MAX]"},
    "bot/ui/language.py": {"source[begin:end]"},
    "bot/ui/lyrics_file.py": {"content[:PDF_WITHIN_BYTES]", "content[len(mark):]"},
    "bot/ui/messages.py": {"names[:-1]"},
    "bot/ui/names.py": {"sorted(member_ids)[:LOOKED_UP_MAX]"},
    "bot/ui/quota_cards.py": {"by_role[:ROLES_MAX]", "roles[:ROLES_MAX]"},
}
"""Slices of lists and bytes. Texts are cut by ``text.cut`` and ``characters.head``, between graphemes."""
OWN = frozenset({"bot/ui/text.py", "bot/ui/fluent.py"})
"""Modules that do the cutting, or read our own sources."""


def slices(path: Path) -> set[str]:
    """Return the slices in a module, as written."""
    return {
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
    }


def test_texts_are_only_cut_between_graphemes() -> None:
    found = {name(path): slices(path) for path in UI if name(path) not in OWN and slices(path)}

    assert SLICED == found


@pytest.mark.parametrize("path", UI, ids=name)
def test_no_text_is_cut_by_a_format(path: Path) -> None:
    cut = [
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr == "shorten")
        or (
            isinstance(node, ast.FormattedValue)
            and node.format_spec is not None
            and "." in ast.unparse(node.format_spec).replace(".0f", "").replace(".1f", "")
        )
    ]

    assert [] == cut


def has_content(call: ast.Call) -> bool:
    """Return whether a message's text is among the arguments."""
    return bool(call.args) or any(keyword.arg == "content" for keyword in call.keywords)


def test_every_embed_is_sent_with_a_line_of_text() -> None:
    sent = [
        (f"{name(path)}:{node.lineno}", has_content(node))
        for path in BOT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and any(keyword.arg in ("embed", "embeds") for keyword in node.keywords)
    ]

    assert len(sent) >= 10
    assert [] == [place for place, with_text in sent if not with_text]
