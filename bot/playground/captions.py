"""The playground's own texts, next to those of the bot: the welcome and the page's labels."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Captions:
    """The playground's texts in one language."""

    locale: str
    """Discord's code of the language, which members and the server use."""
    title: str
    subtitle: str
    you: str
    manager: str
    member: str
    viewing_as: str
    welcome: str


def captions() -> Mapping[str, Captions]:
    """Return the texts in each language, by its code."""
    source = files("bot.playground").joinpath("captions.toml").read_text("utf-8")
    return {code: Captions(**words) for code, words in tomllib.loads(source).items()}
