"""Read-only SQLite connections that outlive a report, so that the next one need not read the schema again."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

IDLE_MAX: Final = 2
"""Maximum number of connections kept open; each may hold a page cache of 2 MB."""


class IdleConnections:
    """Lends connections to one thread at a time and keeps the returned ones for the next."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection while inside. One on which anything failed is not lent again."""
        try:
            connection = self._idle.pop()  # atomic, as append is: no two threads get the same one
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException:  # re-raised; it may have left a transaction open
            connection.close()
            raise
        if len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:  # asked last, so that whoever is second closes it
            self.close()

    def close(self) -> None:
        """Close the idle connections. Those that are lent are closed when they are returned."""
        self._closed = True
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # the other thread was faster
                return
