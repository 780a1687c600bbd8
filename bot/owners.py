"""Explain how to regain write access to a path, and make the bot's own paths private."""

import os
from pathlib import Path


def correction(path: Path, otherwise: str) -> str:
    """Return advice on a path that can't be written to.

    This is ``otherwise``, unless the path belongs to another user, as a container's bind mount often does.
    For a path that does not exist yet, the nearest existing folder counts.
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
    """Remove all permissions of others from a path, if it belongs to this user."""
    status = path.stat()
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        path.chmod(status.st_mode & 0o700)
