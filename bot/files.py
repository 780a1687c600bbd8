"""Flush files and folders, so that they survive a power cut."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Flush this file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
