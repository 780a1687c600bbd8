"""Corrections of SimCord's text rendering, where it differs from Discord's."""

import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, Final

from simcord.preview import _markdown, _messages

EMBED_BODIES: Final = ("embed_description", "embed_field_value")
"""The parts of an embed in which Discord shows mentions of people, channels and commands by name.
Source: https://docs.discord.com/developers/resources/message#embed-object, and Discord's own client."""
EXCERPT_LENGTH: Final = 100
"""Length at which SimCord truncates the message being replied to, in characters."""
UNFINISHED_LINK: Final = re.compile(r"\[([^\[\]]*)\]?(?:\([^()]*)?$")
"""A link with a text of its own, truncated somewhere inside."""


def correct() -> None:
    """Make SimCord render text like Discord, in this process. Calling it repeatedly is harmless."""
    # SimCord 3.2 has no option for it. A test notices if these names or their meaning change.
    for body in EMBED_BODIES:
        _markdown._FIELD_POLICIES[body] |= {"mentions": True, "commands": True}  # noqa: SLF001 - see above
    names = vars(_messages)
    if not hasattr(names["markdown_tokens"], "whole"):
        names["markdown_tokens"] = _without_unfinished_links(names["markdown_tokens"])
        vars(_markdown)["_markdown_parser"] = _built_once(_markdown._markdown_parser)  # noqa: SLF001 - see above


def _without_unfinished_links(whole: Callable[..., Any]) -> Callable[..., Any]:
    """Return a text parser that reduces a truncated link to its text."""

    def tokens(text: str, field: str, **details: Any) -> Any:  # noqa: ANN401 - passed on as it is
        if field == "message" and len(text) == EXCERPT_LENGTH:
            text = UNFINISHED_LINK.sub(r"\1", text)
        return whole(text, field, **details)

    tokens.whole = whole  # type: ignore[attr-defined] # marks the corrected reader
    return tokens


def _built_once(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a source of parsers that builds each kind once, instead of one for every text of a page.

    Building one compiles the patterns of links, which takes three times as long as parsing a text. SimCord
    parses one text after another, all on the thread of its event loop.
    """
    parsers: dict[tuple[tuple[str, object], ...], tuple[Any, ChainMap[str, Any]]] = {}

    def parser(policy: Mapping[str, object], context: Mapping[str, Any]) -> Any:  # noqa: ANN401 - markdown-it's
        kind = tuple(policy.items())
        if kind not in parsers:
            names: ChainMap[str, Any] = ChainMap()
            parsers[kind] = build(dict(policy), names), names
        built, names = parsers[kind]
        names.maps = [dict(context)]
        return built

    return parser
