"""Proxy addresses: parse the operator's URL, and format it for connections."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote, urlsplit

FORM: Final = "must be a URL like http://proxy.example:3128 or socks5://127.0.0.1:1080"
HOST_MAX: Final = 253
"""Maximum length of a host name, in characters. Source: https://datatracker.ietf.org/doc/html/rfc1035."""
CREDENTIAL_MAX: Final = 255
"""Maximum length of a user name or password in SOCKS5, in ASCII characters.
Source: https://datatracker.ietf.org/doc/html/rfc1929."""


class ProxyKind(StrEnum):
    """The protocol for talking to a proxy."""

    HTTP = "http"
    HTTPS = "https"
    """HTTP over TLS, which hides the login and a tunnel's destination on the way to the proxy."""
    SOCKS5 = "socks5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy through which connections are made."""

    kind: ProxyKind
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The URL with user name and password, for a library that expects them there."""
        scheme, _, address = self.address.partition("://")
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        return f"{scheme}://{login}{address}"

    @property
    def address(self) -> str:
        """The URL without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"


def parse_proxy(url: str) -> Proxy:
    """Parse a URL like ``socks5://user:password@host:1080``.

    Raises:
        ValueError: the URL is invalid; the message says why without repeating the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(FORM) from None
    # Other programs write socks5h where the proxy looks up host names, as it does here.
    names = {kind.value: kind for kind in ProxyKind} | {"socks5h": ProxyKind.SOCKS5}
    kind = names.get(parts.scheme)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if (
        kind is None
        or not parts.hostname
        or not port
        or len(parts.hostname) > HOST_MAX
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or not (url.isascii() and url.isprintable() and " " not in url)
    ):
        raise ValueError(FORM)
    if any(
        len(text) > CREDENTIAL_MAX or not (text.isascii() and text.isprintable()) for text in (user, password)
    ):
        raise ValueError("has a user name or password that no proxy can accept")
    if ":" in user:
        raise ValueError("has a colon in its user name, which no proxy can accept")
    if bool(user) != bool(password):
        raise ValueError("has a user name without a password, or a password without a user name")
    return Proxy(kind=kind, host=parts.hostname, port=port, user=user, password=password)
