"""Asks the bot on this machine how it is: what a container's HEALTHCHECK runs, in a few milliseconds."""

import http.client
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

NAME: Final = "HTTP_LISTEN"
DEFAULT: Final = "127.0.0.1:8080"
"""As in ``settings.py``, which this does not load: that would take longer than to ask."""
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask a bot that listens there
WITHIN_S: Final = 8.0
"""The bot itself takes 5 s at the longest to find out that its database stands still."""


def main() -> int:
    """Print what /healthz says. Returns 0 if the bot is well or serves nothing, else 1."""
    listen = _listen(Path(".env"))
    if not listen:
        return _told(f"{NAME} is empty: there is nothing to ask", well=True)
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if port == "0":
        return _told(f"{NAME} takes any free port: which one, only the log tells", well=False)
    try:
        connection = http.client.HTTPConnection(ANYWHERE.get(host, host), int(port), timeout=WITHIN_S)
        with closing(connection):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            said = answer.read(1_000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _told(f"no answer on {listen}: {error}", well=False)
    return _told(said, well=answer.status == http.HTTPStatus.OK)


def _listen(env_file: Path) -> str:
    """Where the bot listens, as its settings say; the environment counts before the file."""
    names = {name.upper(): value for name, value in os.environ.items()}
    if NAME in names:
        return names[NAME]
    in_file = {name.upper(): value for name, value in dotenv_values(env_file).items()}
    found = in_file.get(NAME)
    return DEFAULT if found is None else found


def _told(said: str, *, well: bool) -> int:
    sys.stdout.write(f"{said}\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
