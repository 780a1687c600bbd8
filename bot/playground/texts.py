"""The playground's own texts, next to those of the bot: the welcome and the page's labels."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Texts:
    """The playground's texts in one language."""

    locale: str
    """Discord's code of the language, which members and the server use."""
    title: str
    you: str
    manager: str
    member: str
    viewing_as: str
    welcome: str


def texts() -> Mapping[str, Texts]:
    """Return the texts in each language, by its code."""
    source = files("bot.playground").joinpath("texts.toml").read_text("utf-8")
    return {code: Texts(**words) for code, words in tomllib.loads(source).items()}
