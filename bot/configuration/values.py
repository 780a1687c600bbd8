"""Checks of a value's form: names, ids, hosts and addresses."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

MODEL_NAME_MAX: Final = 50
SNOWFLAKE_DIGITS_MAX: Final = 19
"""Maximum number of digits of a Discord id, so that it fits into the database."""
URL_MAX: Final = 2_000
"""Maximum length of a URL, in characters."""
PORT_DIGITS_MAX: Final = 5
PORT_MAX: Final = 65_535
IPV6: Final = 6
NETLOC: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:@]*)(:\d+)?")
DNS_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


def check_names(values: list[str], complaint: str) -> list[str]:
    """Return the names if a music service accepts their form. Raises ValueError with the complaint."""
    if not all(
        name and name.isprintable() and " " not in name and len(name) <= MODEL_NAME_MAX for name in values
    ):
        raise ValueError(complaint)
    return values


def is_snowflake(text: str) -> bool:
    """Return whether this can be a Discord id."""
    return text.isascii() and text.isdigit() and len(text) <= SNOWFLAKE_DIGITS_MAX and int(text) > 0


def is_netloc(netloc: str) -> bool:
    """Return whether this is an IP address or a valid host name, optionally with a port."""
    match = NETLOC.fullmatch(netloc)
    if match is None:
        return False
    host = match["host"].lower()
    try:
        if host.startswith("["):
            return ip_address(host[1:-1]).version == IPV6
        if host.replace(".", "").isdigit():
            return bool(ip_address(host))
        labels = host.removesuffix(".").split(".")
        return all(DNS_LABEL.fullmatch(label) and _decode_label(label) for label in labels)
    except ValueError:
        return False


def _decode_label(label: str) -> str:
    """Return the label in Unicode. Raises ValueError if its punycode is invalid."""
    return label.encode("ascii").decode("idna") if label.startswith("xn--") else label


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_postgresql(url: str) -> bool:
    """Return whether a URL names a user and a database. The server reports anything else that is wrong."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.username and parts.path.strip("/"))


def passwords_in(url: str) -> tuple[str, ...]:
    """Return the password in a database URL, both as written and percent-decoded."""
    parts = urlsplit(url)
    in_query = parse_qs(parts.query).get("password", [])
    written = [password for password in (parts.password, *in_query) if password]
    return tuple(dict.fromkeys(form for password in written for form in (password, unquote(password))))
