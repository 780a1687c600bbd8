"""Corrections of how SimCord shows texts, where Discord shows them in another way."""

import re
from collections.abc import Callable
from typing import Any, Final

from simcord.preview import _markdown, _messages

EMBED_BODIES: Final = ("embed_description", "embed_field_value")
"""The parts of an embed in which Discord shows mentions of people, channels and commands by name.
Source: https://docs.discord.com/developers/resources/message#embed-object, and Discord's own client."""
EXCERPT_LENGTH: Final = 100
"""Length at which SimCord cuts the message that another one replies to, in characters."""
UNFINISHED_LINK: Final = re.compile(r"\[([^\[\]]*)\]?(?:\([^()]*)?$")
"""A link with a text of its own, cut off somewhere within."""


def correct() -> None:
    """Let SimCord show texts as Discord does, in this process. Once is enough, and more does no harm."""
    # SimCord 3.2 has no option for it. A test notices if these names or their meaning change.
    for body in EMBED_BODIES:
        _markdown._FIELD_POLICIES[body] |= {"mentions": True, "commands": True}  # noqa: SLF001 - see above
    names = vars(_messages)
    if not hasattr(names["markdown_tokens"], "whole"):
        names["markdown_tokens"] = _without_unfinished_links(names["markdown_tokens"])


def _without_unfinished_links(whole: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reader of texts that shows a link which was cut off by its text alone."""

    def tokens(text: str, field: str, **details: Any) -> Any:  # noqa: ANN401 - passed on as it is
        if field == "message" and len(text) == EXCERPT_LENGTH:
            text = UNFINISHED_LINK.sub(r"\1", text)
        return whole(text, field, **details)

    tokens.whole = whole  # type: ignore[attr-defined] # marks the corrected reader
    return tokens
