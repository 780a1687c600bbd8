"""What people read, in their language: one file of Fluent messages for each, in ``languages/``.

Source: https://projectfluent.org/fluent/guide/, read 2026-11-25.
"""

import functools
from importlib.resources import files
from typing import Final

from discord import Locale, app_commands
from fluent.runtime import FluentBundle, FluentResource

CODES: Final = ("en", "de", "ja")
"""The languages that there are; the first is for everybody whose own is not among them."""


class Language:
    """All that people read, in one language."""

    def __init__(self, code: str) -> None:
        source = (files("bot.ui") / "languages" / f"{code}.ftl").read_text("utf-8")
        # Marks around each fact would stand in the middle of Discord's own marks and break them.
        self._bundle = FluentBundle([code], use_isolating=False)
        self._bundle.add_resource(FluentResource(source))
        self.code = code

    def __call__(self, name: str, /, **facts: str | int) -> str:
        """The text of this name. Numbers are written as the language does; ids are to be text.

        Raises:
            LookupError: there is no such text, or it needs another fact.
        """
        message = self._bundle.get_message(name)
        if message.value is None:
            raise LookupError(name)
        text, errors = self._bundle.format_pattern(message.value, dict(facts))
        if errors:
            raise LookupError(f"{name}: {errors[0]}") from errors[0]
        return str(text)


@functools.cache
def _language(code: str) -> Language:
    return Language(code)


def language_of(locale: str | Locale | None) -> Language:
    """The language for somebody with this locale, as Discord names it: ``de``, ``en-GB``, ``ja``."""
    code = "" if locale is None else str(locale).partition("-")[0]
    return _language(code if code in CODES else CODES[0])


ENGLISH: Final = language_of(None)


def described(name: str) -> app_commands.locale_str:
    """A text of a command, as Discord is told it: in English, and in the other languages beside that."""
    return app_commands.locale_str(ENGLISH(name), name=name)


class Translator(app_commands.Translator):
    """Gives Discord what ``described`` texts are in the languages that it asks for."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002
    ) -> str | None:
        """The text, or None where it is English or a name, which are the same everywhere."""
        name, language = string.extras.get("name"), language_of(locale)
        return None if name is None or language is ENGLISH else language(name)
