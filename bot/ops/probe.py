"""Queries /healthz of the bot on this machine; a container's HEALTHCHECK runs it in milliseconds."""

import http.client
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

NAME: Final = "HTTP_LISTEN"
DEFAULT: Final = "127.0.0.1:8080"
"""Same as in ``settings.py``, which is not imported: that would take longer than the request."""
WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a bot that listens there is reached
WITHIN_S: Final = 8.0
"""Timeout in seconds; the bot itself needs up to 5 s to notice that its database hangs."""


def main() -> int:
    """Print the answer of /healthz. Return 0 if the bot is healthy or serves nothing, else 1."""
    listen = _listen(Path(".env"))
    if not listen:
        return _report(f"{NAME} is empty: nothing to query", healthy=True)
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if port == "0":
        return _report(f"{NAME} picks a free port, which is only in the log", healthy=False)
    try:
        connection = http.client.HTTPConnection(WILDCARDS.get(host, host), int(port), timeout=WITHIN_S)
        with closing(connection):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            text = answer.read(1_000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _report(f"no answer on {listen}: {error}", healthy=False)
    return _report(text, healthy=answer.status == http.HTTPStatus.OK)


def _listen(env_file: Path) -> str:
    """Return where the bot listens; the environment takes precedence over the file."""
    names = {name.upper(): value for name, value in os.environ.items()}
    if NAME in names:
        return names[NAME]
    in_file = {name.upper(): value for name, value in dotenv_values(env_file).items()}
    listen = in_file.get(NAME)
    return DEFAULT if listen is None else listen


def _report(text: str, *, healthy: bool) -> int:
    sys.stdout.write(f"{text}\n")
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())
