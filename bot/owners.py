"""Who owns a folder that can't be used, and how it is given to the bot."""

import os
from pathlib import Path


def correction(path: Path, otherwise: str) -> str:
    """Return what to do about a path that can't be written to.

    That is ``otherwise``, unless it belongs to another user, as a container's bind mount often does. Of a
    path that does not exist yet, the nearest folder counts.
    """
    existing = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
    user = os.geteuid()
    try:
        owner = existing.stat().st_uid
        needed = os.W_OK | os.X_OK if existing.is_dir() else os.W_OK
    except OSError:  # a symbolic link to nowhere
        return otherwise
    if owner == user or os.access(existing, needed, effective_ids=True):
        return otherwise
    return (
        f"{existing} belongs to user {owner} and the bot runs as user {user}: give it to the bot with "
        f"`chown -R {user}:{os.getegid()} FOLDER`, where FOLDER is its path on the host if it is mounted"
    )


def make_private(path: Path) -> None:
    """Take a file or folder of ours from all other users; one of another user's stays as it is."""
    status = path.stat()
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        path.chmod(status.st_mode & 0o700)
