"""The texts that people read, in their language: one file of Fluent messages each, in ``languages/``.

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
"""Supported languages; the first is for everybody whose own is not supported."""
RULES: Final = {
    "en": fluent.Rules(",", lambda number: "one" if number == 1 else "other"),
    "de": fluent.Rules(".", lambda number: "one" if number == 1 else "other"),
    "ja": fluent.Rules(",", lambda _: "other"),
}
"""Numbers and plurals of whole numbers.
Source: https://www.unicode.org/cldr/charts/48/supplemental/language_plural_rules.html,
read 2026-11-26.
"""
FOLDER: Final = Path(__file__).with_name("languages")
LOCALES_KEPT: Final = 64
"""Locales whose language is remembered; Discord has some 35."""
MESSAGE: Final = re.compile(r"^([a-z][a-z0-9-]*) =", re.MULTILINE)
"""The beginning of a message in a Fluent file."""


class Language:
    """All texts in one language."""

    def __init__(self, code: str) -> None:
        source = (FOLDER / f"{code}.ftl").read_text("utf-8")
        begins = [match.start() for match in MESSAGE.finditer(source)]
        messages = (source[begin:end] for begin, end in pairwise([*begins, len(source)]))
        self._sources = {message.partition(" ")[0]: message for message in messages}
        self._patterns: dict[str, fluent.Pattern] = {}
        self._rules = RULES[code]
        self.code = code

    def __call__(self, name: str, /, **facts: str | int) -> str:
        """Return the text of this name. Pass ids as text: numbers are written as the language does.

        Raises:
            LookupError: no such text exists, or it needs another fact.
        """
        pattern = self._patterns.get(name)
        if pattern is None:
            # Parsed when it is first used: every start and every command of the CLI would wait.
            pattern = self._patterns[name] = fluent.parse(self._sources[name])
        return fluent.render(pattern, facts, self._rules)


@functools.cache
def _language(code: str) -> Language:
    return Language(code)


@functools.lru_cache(LOCALES_KEPT)
def language_of(locale: str | Locale | None) -> Language:
    """Return the language for a locale as Discord names it: ``de``, ``en-GB``, ``ja``."""
    code = "" if locale is None else str(locale).partition("-")[0]
    return _language(code if code in CODES else CODES[0])


ENGLISH: Final = language_of(None)
TRANSLATIONS: Final = {
    locale: language for locale in Locale if (language := language_of(locale)) is not ENGLISH
}
"""The language of each of Discord's locales that has one besides English."""


def described(name: str) -> app_commands.locale_str:
    """Return a text of a command in English, with the name under which it is translated."""
    return app_commands.locale_str(ENGLISH(name), name=name)


class Translator(app_commands.Translator):
    """Translates ``described`` texts when the commands are registered."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002
    ) -> str | None:
        """Return the text, or None for English and for names, which are not translated."""
        name, language = string.extras.get("name"), TRANSLATIONS.get(locale)
        return None if name is None or language is None else language(name)
