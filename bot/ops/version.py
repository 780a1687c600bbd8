"""The program's version, with the commit it was installed from if known."""

import functools
import json
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""The clone, if the program runs from one."""
GIT_WITHIN_S: Final = 5.0
COMMIT_LENGTH: Final = 12
"""Number of digits shown of a commit."""


def describe() -> str:
    """Return the version, followed by the commit in parentheses if it is known."""
    installed = distribution("tunesmith")
    commit = _commit_of_clone() or _commit_of_url(installed.read_text("direct_url.json") or "{}")
    return f"{installed.version} ({commit[:COMMIT_LENGTH]})" if commit else installed.version


@functools.cache
def running() -> Mapping[str, str]:
    """Return the versions and the platform that a bug report should name."""
    return {
        "version": describe(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": platform.platform(),
    }


def _commit_of_url(direct_url: str) -> str:
    """Return the commit of an installation from a Git address.

    Source: https://packaging.python.org/en/latest/specifications/direct-url-data-structure/.
    """
    return str(json.loads(direct_url).get("vcs_info", {}).get("commit_id", ""))


def _commit_of_clone() -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return ""
    command = [git, "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command without a shell
            command, capture_output=True, text=True, timeout=GIT_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
