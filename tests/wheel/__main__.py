"""Check a built wheel: ``python -m tests.wheel FILE``.

It contains every file of ``bot/`` and nothing else, so that templates, languages and migrations exist
wherever it is installed.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from tests.flows.process import ROOT


def tracked() -> set[str]:
    """Return the program's files in the repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "bot"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - words of our own
    return set(listed.stdout.splitlines())


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    (wheel,) = arguments
    with ZipFile(Path(wheel)) as file:
        packed = {name for name in file.namelist() if ".dist-info/" not in name}
    wanted = tracked()
    for kind in (".py", ".ftl", ".sql", ".yaml", ".service"):
        assert any(name.endswith(kind) for name in wanted), f"no {kind}"
    assert wanted == packed, sorted(wanted ^ packed)
    sys.stdout.write(f"{len(packed)} files, all of bot/ and nothing else\n")


if __name__ == "__main__":
    main(sys.argv[1:])
