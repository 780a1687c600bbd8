"""A PostgreSQL server for tests, from the distribution's package, in its own folder and not run by root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from bot.database import identity, postgresql_schema, slots
from bot.database.postgresql_tx import connect

USERS: Final = ("postgres", "nobody")
"""Accounts the server may run as; it refuses to run as root."""
SETTINGS: Final = (
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=32MB",
    # Detect a lost session soon.
    "deadlock_timeout=100ms",
)
UNFLUSHED: Final = ("autovacuum=off", "full_page_writes=off")
"""Settings of a server whose databases live for one test and need not survive a crash of the machine."""
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder in it has a random name
"""Folder that is kept in memory, on systems that have it."""
TEMPLATE: Final = "blank"
"""Name of the template database, which has the schema and no rows."""


def programs() -> Path | None:
    """Return the folder of the server's programs, or None if it is not installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@dataclass(slots=True)
class Server:
    """A running server."""

    folder: Path
    programs: Path
    user: tuple[str, ...]
    """Command prefix that runs a program under an account other than root."""
    flushes: bool = False
    """Whether commits are flushed to the disk: no test here cuts the power."""
    _names: Iterator[int] = field(default_factory=count)

    def url(self, name: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://tunesmith@/{name}?host={self.folder}"

    def run(self, *command: str) -> None:
        """Run one of the server's programs and wait for it to exit."""
        with (self.folder / "programs.log").open("ab") as log:
            subprocess.run(  # noqa: S603 - our own arguments
                (*self.user, str(self.programs / command[0]), *command[1:]),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def start(self) -> None:
        """Start the server and wait until it accepts sessions."""
        settings = [*SETTINGS, "fsync=on"] if self.flushes else [*SETTINGS, *UNFLUSHED, "fsync=off"]
        options = " ".join(f"-c {setting}" for setting in settings)
        self.run(
            *("pg_ctl", "start", "-w", "-D", f"{self.folder}/data", "-l", f"{self.folder}/server.log"),
            *("-o", f"-k {self.folder} {options}"),
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server: "fast" ends all sessions, "immediate" is a crash."""
        self.run("pg_ctl", "stop", "-w", "-D", f"{self.folder}/data", "-m", mode)

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Execute a statement outside a transaction."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str = TEMPLATE) -> str:
        """Create a database and return its URL."""
        name = f"test_{next(self._names)}"
        # Copying files is half the work of copying through the log.
        strategy = "" if self.flushes else "STRATEGY file_copy"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
        return self.url(name)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Lend the URL of a new database, and drop it afterwards: thousands of them would fill a disk."""
        url = self.create()
        try:
            yield url
        finally:
            self.execute(f"DROP DATABASE {url.partition('@/')[2].partition('?')[0]} WITH (FORCE)")


@contextmanager
def serving(*, flushes: bool = False, in_memory: bool = False) -> Iterator[Server]:
    """Start a server with a template database, and remove everything at the end.

    In memory, flushing does not slow down others who use the same disk; a benchmark wants the disk.
    """
    found = programs()
    assert found is not None, "PostgreSQL is not installed"
    parent = str(MEMORY) if in_memory and MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="tspg-", dir=parent))
    user: tuple[str, ...] = ()
    if os.geteuid() == 0:
        name = next(name for name in USERS if any(name == entry.pw_name for entry in pwd.getpwall()))
        entry = pwd.getpwnam(name)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        user = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
    server = Server(folder, found, user, flushes)
    try:
        server.run(
            *("initdb", "-D", f"{folder}/data", "-U", "tunesmith", "--auth=trust", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--no-sync"),
        )
        server.start()
        try:
            server.execute(f"CREATE DATABASE {TEMPLATE}")
            tx = connect(server.url(TEMPLATE), name="template", options={})
            slots.prepare(tx)
            postgresql_schema.migrate(tx)
            # Its copies are new databases, not restored ones.
            tx.execute("DELETE FROM fact WHERE name = ?", (identity.IDENTITY_FACT,))
            tx.close()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
