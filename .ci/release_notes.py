"""Print a release's notes from its section in CHANGELOG.md: python .ci/release_notes.py v1.2.3.

It fails unless the tag matches the version in pyproject.toml, and the section exists and is not empty.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def notes(tag: str, changelog: str, version: str) -> str:
    """Return the section of this tag's version.

    Raises:
        SystemExit: there is no such section, or the tag does not match the version.
    """
    if tag != f"v{version}":
        raise SystemExit(f"The tag is {tag}, but pyproject.toml has version {version}.")
    sections = re.split(r"^## +", changelog, flags=re.MULTILINE)
    found = [section for section in sections if re.match(rf"\[?{re.escape(version)}\]?(?:\s|$)", section)]
    text = found[0].partition("\n")[2].strip() if found else ""
    if not text:
        raise SystemExit(f"CHANGELOG.md has no section about {version}, or an empty one.")
    return text + "\n"


def main() -> None:
    """Print the notes of the tag in the first argument."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    sys.stdout.write(notes(sys.argv[1], (ROOT / "CHANGELOG.md").read_text("utf-8"), project["version"]))


if __name__ == "__main__":
    main()
