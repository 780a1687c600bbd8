"""A fake network: names resolve as scripted, and connections are recorded instead of made."""

import itertools
from collections.abc import Iterable
from typing import Any

import httpcore

from tests.doubles.in_process import SONG
from tests.faults.loopback import wire

PUBLIC, PUBLIC_V6 = "93.184.216.34", "2606:4700::1111"


class Internet(httpcore.AsyncNetworkBackend):
    """Resolver and network in one. Every public address responds with ``says`` in turn, then with songs."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): given for name, given in names.items()}
        """Addresses for each name, one answer per lookup; the last one is repeated."""
        self.says: list[bytes] = []
        self.asked: list[str] = []
        self.attempts: list[tuple[str, int]] = []
        self._songs = itertools.count(1)

    def over(self) -> dict[str, Any]:
        """Return the arguments for ``Rig.audio_over``."""
        return {"look_up": self.look_up, "network": self}

    async def look_up(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's interface
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        self.attempts.append((host, port))
        answer = self.says.pop(0) if self.says else wire(200, SONG + bytes([next(self._songs)]))
        return httpcore.AsyncMockStream([answer])
