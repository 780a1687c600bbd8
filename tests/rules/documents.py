"""Read the documents: their fenced blocks and the commands in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS: Final = [*sorted(ROOT.glob("*.md")), *PAGES]

FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
MARK: Final = re.compile(r"<!-- not run: \S.* -->\n *$")
"""Comment above a block that no test runs, with the reason."""
ASSIGNMENT: Final = re.compile(r"[A-Z_]+=\S* ")
LAUNCHER: Final = re.compile(
    r"(?:docker compose exec tunesmith |(?:\.uv/bin/)?uv run (?:--\S+ (?:(?:demo|playground) (?=tune))?)*|"
    r"\.venv/bin/|/opt/tunesmith/bin/)"
)
"""Launchers that may precede a command to run it in an environment."""
IN_CONTAINER: Final = "docker compose run --rm tunesmith "


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a document."""

    document: Path
    language: str
    body: str
    marked: bool
    """Whether the document gives a reason why no test runs it."""


def name(path: Path) -> str:
    """Return the path as written in the repository."""
    return path.relative_to(ROOT).as_posix()


def blocks() -> Iterator[Block]:
    """Yield every fenced block of every document."""
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for match in FENCE.finditer(text):
            yield Block(
                document=document,
                language=match["language"],
                body=match["body"],
                marked=bool(MARK.search(text[: match.start()])),
            )


def commands(block: Block) -> Iterator[str]:
    """Yield the block's commands without comments, variables and launchers."""
    for line in block.body.replace("\\\n", " ").splitlines():
        for part in line.partition("  #")[0].split("&&"):
            command = ASSIGNMENT.sub("", part.strip(), count=1)
            if command.startswith(IN_CONTAINER):
                yield f"tunesmith {command.removeprefix(IN_CONTAINER)}"
            elif command:
                yield LAUNCHER.sub("", command, count=1)


SHOWN: Final = [
    (block, command) for block in blocks() if block.language == "console" for command in commands(block)
]
"""Every command in a console block, with its block."""
