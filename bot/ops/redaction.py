"""Redacts secrets from whatever is logged, however they are encoded."""

import base64
import html
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Final, cast
from urllib.parse import urlsplit

from structlog.typing import EventDict, WrappedLogger

REDACTED: Final = "[redacted]"
SECRET_MIN: Final = 4
"""Minimum length of a redacted secret: a shorter one would take half the log with it."""
ANYWHERE_MIN: Final = 8
"""Minimum length at which a secret is redacted inside words; a shorter one only as a whole word."""
PREFIX_MIN: Final = 12
"""Minimum length at which the beginning of a long secret is redacted: it may have been truncated."""
LONG_MIN: Final = 24
"""Minimum length of a secret whose beginning alone is redacted, too."""
PART_MIN: Final = 16
"""Minimum length at which part of a secret is redacted."""
SHORT_MAX: Final = 40
"""Maximum length of a text whose result is cached: most lines consist of the same few names and words."""
SHORT_KEPT: Final = 1_000
"""Maximum number of cached results."""
DEPTH_MAX: Final = 12
"""Maximum depth of nested values; deeper ones are shown by their repr."""
LINE_BREAK: Final = r"(?:(?:\\{1,9}[rn]|[\r\n])+[ \t]*)?"
"""A line break within a secret, which some library may have wrapped."""
ESCAPES: Final = ("%", "\\", "&#", "&amp;", "&lt;", "&gt;", "&quot;", "\r", "\n")
"""Beginnings of encoded characters, and line breaks: a text with a secret in parts has one of them."""
FIELD_NAME: Final = r"[\w-]{0,40}?(?:token|secret|password|api[_-]?key|authorization|cookie|webhook[_-]?url)"
SECRET_FIELD: Final = re.compile(FIELD_NAME, re.IGNORECASE)
SLASH: Final = r"(?:\\{0,9}/|%(?:25)*2F)+"
VALUE: Final = r"[^\s\"'\\,;&<>(){}\[\]]"
SPACE: Final = r"(?:\s+|\+|%(?:25)*20)"
SCHEME: Final = rf"(?:(?:bot|bearer|basic|token){SPACE})?"
PATTERNS: Final = [
    # Discord's URLs: /interactions/ID/TOKEN/callback, /webhooks/ID/TOKEN/messages/…
    (
        re.compile(
            rf"((?:interactions|webhooks){SLASH}[\w@{{}}-]+{SLASH})(?:(?!{SLASH})[^\s\"'?#&<>()\[\],;])+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(
            rf"((?<![\w-]){FIELD_NAME}(?:\\{{0,9}}[\"'])?\s*(?:[:=]|%(?:25)*3[AD]|(?<=[\"']),)\s*"
            rf"(?:b?\\{{0,9}}[\"'])?{SCHEME})(?!\[redacted\]){VALUE}+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"(\b(?:[Bb]earer|BEARER|Basic){SPACE}){VALUE}{{4,}}"), rf"\1{REDACTED}"),
    (re.compile(rf"(\bBot{SPACE}){VALUE}{{20,}}"), rf"\1{REDACTED}"),
    # A user name and password in a URL, a key in its query.
    (re.compile(r"(://)[^\s/@\"']+@"), rf"\1{REDACTED}@"),
    (re.compile(rf"([?&](?:key|sig|signature)=){VALUE}+", re.IGNORECASE), rf"\1{REDACTED}"),
    # Tokens of any bot, and of any interaction: they begin with "interaction:" in base64.
    (re.compile(r"\b[MNO][\w-]{22,28}\.[\w-]{6,7}\.[\w-]{27,}"), REDACTED),
    (re.compile(r"aW50ZXJhY3Rpb246[\w+/=-]*"), REDACTED),
]


class Redactor:
    """Redacts secrets: the given ones in any encoding, and whatever looks like one.

    It is a structlog processor, and returns the fields as plain values that are safe to write.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = sorted({part for secret in secrets for part in _parts(secret)}, key=len, reverse=True)
        self._secrets = [_Secret(part) for part in parts]
        self._short = lru_cache(SHORT_KEPT)(self._redacted)

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Return the fields with every secret redacted."""
        return cast("EventDict", self.value(event_dict))

    def text(self, text: str) -> str:
        """Return the text with every secret redacted."""
        return self._short(text) if len(text) <= SHORT_MAX else self._redacted(text)

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.removed_from(text)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: object, depth: int = 0) -> object:
        """Return the value with every secret redacted, as dicts, lists, strings and numbers."""
        match value:
            case float() if not math.isfinite(value):
                return repr(value)  # JSON has no such number
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Mapping() if depth < DEPTH_MAX:
                return {
                    self.text(str(name)): self._under(name, one, depth + 1) for name, one in value.items()
                }
            case (name, one) if depth < DEPTH_MAX and _is_secret_field(name):
                return [self.value(name), self._under(name, one, depth + 1)]
            case list() | tuple() | set() | frozenset() if depth < DEPTH_MAX:
                return [self.value(one, depth + 1) for one in value]
            case _:
                return self.text(repr(value))

    def _under(self, name: object, value: object, depth: int) -> object:
        return REDACTED if _is_secret_field(name) and value is not None else self.value(value, depth)


class _Secret:
    """A secret, whose pattern is compiled only once a text may contain it.

    That takes up to 10 ms for a token, and most texts have neither its characters in a row nor an escape.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._plain = [secret[:PREFIX_MIN] if _has_secret_beginning(secret) else secret, *_encoded(secret)]

    def removed_from(self, text: str) -> str:
        """Return the text with the secret redacted."""
        if any(mark in text for mark in ESCAPES) or any(plain in text for plain in self._plain):
            return self._pattern.sub(REDACTED, text)
        return text

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_pattern(self._secret))


def _is_secret_field(name: object) -> bool:
    """Return whether a field of this name holds a secret."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and SECRET_FIELD.fullmatch(name) is not None


def _parts(secret: str) -> Iterator[str]:
    """Yield the secret, and each part of it that is secret by itself."""
    yield secret
    url = urlsplit(secret) if secret.startswith(("https://", "http://")) else None
    pieces = secret.split(".") if url is None else [url.path, *url.path.split("/")]
    yield from (piece for piece in pieces if len(piece) >= PART_MIN and not piece.isdigit())


def _pattern(secret: str) -> str:
    """Return a pattern for a secret in plain text and encoded for URLs, JSON, HTML, Python, hex or base64."""
    if len(secret) < SECRET_MIN:
        return r"(?!)"
    chars = [_char_pattern(char) for char in secret]
    whole = LINE_BREAK.join(chars)
    if len(secret) < ANYWHERE_MIN:
        return rf"(?<!\w){whole}(?!\w)"
    if _has_secret_beginning(secret):
        rest = "".join(f"(?:{LINE_BREAK}{char}" for char in chars[PREFIX_MIN:])
        whole = LINE_BREAK.join(chars[:PREFIX_MIN]) + rest + ")?" * (len(secret) - PREFIX_MIN)
    return "|".join([whole, *map(re.escape, _encoded(secret))])


def _has_secret_beginning(secret: str) -> bool:
    """Return whether the secret's beginning is redacted as well, which of a URL is not secret."""
    return len(secret) >= LONG_MIN and "/" not in secret


def _encoded(secret: str) -> list[str]:
    """Return the secret as a whole in hex and base64."""
    raw = secret.encode()
    return [raw.hex(), raw.hex().upper(), *_in_base64(raw)]


def _char_pattern(char: str) -> str:
    # No two alternatives may match the same text: backtracking would be exponential on a near miss.
    code = ord(char)
    alternatives = [
        re.escape(char) if char.isalnum() else r"\\{0,9}" + re.escape(char),
        rf"%(?:25)*(?i:{code:02x})",
        rf"\\{{1,9}}(?:x|u00)(?i:{code:02x})",
        rf"&#(?:0*{code}|[xX]0*(?i:{code:x}));",
    ]
    if html.escape(char) != char:
        alternatives.append(html.escape(char))
    return f"(?:{'|'.join(alternatives)})"


def _in_base64(raw: bytes) -> Collection[str]:
    """Return the secret's base64 at each of the three offsets, without bits of adjacent bytes."""
    encodings = set()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(before) + raw).decode()
            first = (0, 2, 3)[before]
            last = len(raw) + before
            encodings.add(encoded[first : last * 8 // 6])
    return encodings
