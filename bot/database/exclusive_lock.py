"""The exclusive lock of a database file, and the file systems that cannot hold one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import AlreadyRuns, StartRefused

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs", "lustre"}
)
"""File systems without the shared memory that WAL needs: https://sqlite.org/wal.html, read 2026-11-22."""
MOUNTS = Path("/proc/self/mounts")
"""List of mounts, in mount order."""


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of the database ``path``, creating its folder if necessary.

    Raises:
        AlreadyRuns: a bot has it.
        StartRefused: the folder cannot be used, or its file system cannot keep SQLite's promises.
    """
    lock = FileLock(f"{path}.lock", blocking=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_network(path)
        lock.acquire()
    except Timeout:
        raise AlreadyRuns(
            f"DATABASE_URL: another Tunesmith already runs on {path}; stop that one first."
        ) from None
    except OSError as error:
        raise StartRefused(
            f"DATABASE_URL: {path} can't be written to ({error.strerror}); fix the permissions of the folder."
        ) from None
    try:
        yield
    finally:
        lock.release()


def refuse_network(path: Path) -> None:
    """Raise StartRefused if the folder is on a network file system. Detected on Linux only."""
    try:
        lines = MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return  # This system has no such list, so nothing can be refused.
    folder = path.parent.resolve()
    mounts = [
        (Path(_unescaped(fields[1])), fields[2])
        for fields in (line.split(" ") for line in lines)
        if len(fields) > 2  # noqa: PLR2004 - device, folder, type, …
    ]
    # Of two mounts on the same folder, the later one is on top.
    best = max(
        (
            (len(place.parts), order, kind)
            for order, (place, kind) in enumerate(mounts)
            if folder.is_relative_to(place)
        ),
        default=(0, 0, ""),
    )
    if best[2] in NETWORK_FILE_SYSTEMS:
        raise StartRefused(
            f"DATABASE_URL: {path} lies on a network file system ({best[2]}), where SQLite loses data; "
            "choose a folder on a local disk."
        )


def _unescaped(field: str) -> str:
    """Unescape a field of the list of mounts. Source: https://man7.org/linux/man-pages/man5/fstab.5.html."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
