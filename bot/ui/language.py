"""The user-visible texts in each language: one file of Fluent messages per language, in ``languages/``.

Source: https://projectfluent.org/fluent/guide/, read 2026-11-25.
"""

import functools
import re
from itertools import pairwise
from pathlib import Path
from typing import Final

from discord import Locale, app_commands

from bot.ui import fluent

CODES: Final = ("en", "de", "ja")
"""Supported languages; the first is the fallback."""
RULES: Final = {
    "en": fluent.Rules(",", lambda number: "one" if number == 1 else "other"),
    "de": fluent.Rules(".", lambda number: "one" if number == 1 else "other"),
    "ja": fluent.Rules(",", lambda _: "other"),
}
"""Number formats and plurals of whole numbers.

Source: https://www.unicode.org/cldr/charts/48/supplemental/language_plural_rules.html, read 2026-11-26.
"""
FOLDER: Final = Path(__file__).with_name("languages")
LOCALES_KEPT: Final = 64
"""Number of locales whose language is cached; Discord has about 35."""
MESSAGE: Final = re.compile(r"^([a-z][a-z0-9-]*) =", re.MULTILINE)
"""The beginning of a message in a Fluent file."""


class Language:
    """All texts in one language."""

    def __init__(self, code: str) -> None:
        self._patterns: dict[str, fluent.Pattern] = {}
        self._rules = RULES[code]
        self.code = code

    def __call__(self, name: str, /, **facts: str | int) -> str:
        """Return the text of this name. Pass ids as text, since numbers are formatted.

        Raises:
            LookupError: the text does not exist, or a fact is missing.
        """
        pattern = self._patterns.get(name)
        if pattern is None:
            # Parsed on first use: otherwise every start and every CLI command would wait.
            pattern = self._patterns[name] = fluent.parse(self._sources[name])
        return fluent.render(pattern, facts, self._rules)

    @functools.cached_property
    def _sources(self) -> dict[str, str]:
        """The source of each message; read on first use, since few servers need every language."""
        source = (FOLDER / f"{self.code}.ftl").read_text("utf-8")
        begins = [match.start() for match in MESSAGE.finditer(source)]
        messages = (source[begin:end] for begin, end in pairwise([*begins, len(source)]))
        return {message.partition(" ")[0]: message for message in messages}


LANGUAGES: Final = {code: Language(code) for code in CODES}
ENGLISH: Final = LANGUAGES[CODES[0]]


@functools.lru_cache(LOCALES_KEPT)
def language_of(locale: str | Locale | None) -> Language:
    """Return the language for one of Discord's locales: ``de``, ``en-GB``, ``ja``."""
    return LANGUAGES.get(str(locale).partition("-")[0], ENGLISH)


def described(name: str) -> app_commands.locale_str:
    """Return a command's English text, tagged with the name of its translation."""
    return app_commands.locale_str(ENGLISH(name), name=name)


class Translator(app_commands.Translator):
    """Translates ``described`` texts when the commands are registered."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002
    ) -> str | None:
        """Return the translation; None for English, and for names, which have none."""
        name, language = string.extras.get("name"), language_of(locale)
        return None if name is None or language is ENGLISH else language(name)
