"""The exclusive lock of a database file, and file systems that cannot support one."""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import AlreadyRuns, StartRefused
from bot.owners import correction, make_private

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs", "lustre"}
)
"""File systems without the shared memory that WAL needs: https://sqlite.org/wal.html, read 2026-11-22."""
MOUNTS = Path("/proc/self/mounts")
"""List of mounts, in mount order."""
NOTHING = -1
"""Descriptor value for a missing file."""
FILE_MODE = 0o600
"""Mode of a new database, which only its owner may read."""
WITHOUT_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EINVAL})
"""Errors of file systems without locks on whole files, where the lock file has to suffice."""


@contextmanager
def exclusive_lock(path: Path, *, create: bool = True) -> Iterator[int]:
    """Hold the exclusive lock of the database ``path``, creating its folder if necessary.

    There are two locks, because either can be circumvented. The one on a file next to the database, named
    after the path with symbolic links resolved, also holds while a restore replaces the database. The one on
    the database itself holds if that file is removed, and for a hard link or a mount under another name.

    Yields a descriptor of the database, or -1 if there is none and ``create`` is False. It is closed only
    after all connections of this process, because closing it releases SQLite's own locks.
    Source: https://sqlite.org/howtocorrupt.html, section 2.2, read 2026-11-26.

    Raises:
        AlreadyRuns: a bot holds the lock.
        StartRefused: the folder cannot be used, or its file system cannot keep SQLite's guarantees.
    """
    real = real_path(path)
    lock = FileLock(f"{real}.lock", blocking=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_network(real)
        if not real.parent.is_dir():
            raise StartRefused(
                f"DATABASE_URL: {path} can't be used now (it points to {real}, which can't be created); "
                "mount that disk, or name another file."
            )
        lock.acquire()
    except Timeout:
        if not Path(lock.lock_file).exists():  # nobody holds the lock: its file could not be created
            advice = correction(real.parent, "name a file in a folder on a local disk")
            raise StartRefused(
                f"DATABASE_URL: {path} can't be used now (nothing can be written next to {real}); {advice}."
            ) from None
        raise AlreadyRuns(
            f"DATABASE_URL: another Tunesmith already runs on {path}; stop that one first."
        ) from None
    except OSError as error:
        advice = correction(real.parent, "fix the permissions of the folder")
        raise StartRefused(
            f"DATABASE_URL: {path} can't be written to ({error.strerror}); {advice}."
        ) from None
    try:
        if not create and not path.exists():
            yield NOTHING
            return
        handle = _open(path)
        try:
            _lock(handle, path, real)
            yield handle
        finally:
            os.close(handle)
    finally:
        lock.release()


def real_path(path: Path) -> Path:
    """Resolve symbolic links, as SQLite does to derive the names of companion files."""
    return Path(os.path.realpath(path))


def _open(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        advice = correction(path, "check its permissions and its disk")
        raise StartRefused(f"DATABASE_URL: {path} can't be used now ({error.strerror}); {advice}.") from None
    make_private(path)
    return handle


def _lock(handle: int, path: Path, real: Path) -> None:
    """Lock the file itself. SQLite uses another kind of lock, so the two do not interfere."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if real.with_name(f"{real.name}-wal").exists():
            raise AlreadyRuns(
                f"DATABASE_URL: another Tunesmith already runs on {path}; stop that one first."
            ) from None
        # Not AlreadyRuns: this name has no log, so nothing may be read or written under it.
        raise StartRefused(
            f"DATABASE_URL: another Tunesmith already runs on {path} under another name (a hard link or a "
            "mount); stop that one first, or use its name."
        ) from None
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise StartRefused(
                f"DATABASE_URL: {path} can't be locked ({error.strerror}); choose a folder on a local disk."
            ) from None


def refuse_network(path: Path) -> None:
    """Raise StartRefused if the folder is on a network file system. Detected on Linux only."""
    try:
        lines = MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return  # this system has no such list, so nothing can be refused
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
            f"DATABASE_URL: {path} is on a network file system ({best[2]}), where SQLite loses data; "
            "choose a folder on a local disk."
        )


def _unescaped(field: str) -> str:
    """Unescape a field of the mount list. Source: https://man7.org/linux/man-pages/man5/fstab.5.html."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
