"""Phrases that style has retired: each reads as translated, or has a plain word in its place."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.rules.repository import BOT, ROOT, TESTS, name

RETIRED: Final = {
    r"all the same": "write “anyway”, “still”, or nothing",
    r"behind their (?:back|answer)": "name what happens, and when",
    r"in the making": "write “in progress”",
    r"the one who hosts": "write “the operator”",
    r"as the one who": "name the role",
    r"(?<!so\s)that there are(?! no)": "use a noun: “finished songs”, not “songs that there are”",
    r"(?:comes?|came) of": "write “results from”, “follows from”",
    r"so long(?! as)": "give the constant a noun phrase with its unit: “how long to …”",
    r"so many(?! that)": "give the count a noun: “the number of …”",
    r"(?:is|are) (?-i:told)(?!\.)": "say who tells whom, in the active voice",
    r"told by": "write “recognised by”",
    r"begun again": "write “restarted”",
    r"at (?:its|their) end": "write “finished”",
    r"neighbours are strangers": "write “modules of one layer may not import each other”",
    r"mend(?:ed|s|ing)?": "write “fix”",
    r"beside": "write “while” or “next to”",
    r"what breaks it": "say what fails, and how it is handled",
    r"holes?": "write “vulnerability”",
    r"whatever it was": "name the failure, or write “re-raised”",
    r"goes without saying": "leave it out",
    r"for sure": "write “certainly”, or how it is guaranteed",
}
"""Regular expressions of phrases, with what to write instead."""

SPACE: Final = r"(?:[\s_]+(?:\#\s+|>\s+)?)"
"""White space between two words, even across lines, or an underscore in a name."""

TEXTS: Final = [
    path
    for path in (
        *BOT,
        *TESTS,
        *sorted((ROOT / "bench").rglob("*.py")),
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "tests").rglob("*.md")),
        ROOT / "bot" / "ui" / "languages" / "en.ftl",
        ROOT / ".env.example",
        ROOT / "pyproject.toml",
        ROOT / "Dockerfile",
        *sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file()),
        *sorted((ROOT / ".github").rglob("*.yml")),
        *sorted(ROOT.glob("compose*.yaml")),
        *sorted((ROOT / "deploy").rglob("*.y*ml")),
        *sorted((ROOT / "bot" / "playground").glob("*.toml")),
        *sorted((ROOT / "bot" / "playground" / "static").iterdir()),
        *sorted((ROOT / "bot" / "database" / "migrations").rglob("0007*.sql")),
    )
    if path != Path(__file__)
]
"""Everything that people read in English. Migrations that were released are never edited."""


def pattern(phrase: str) -> re.Pattern[str]:
    spaced = phrase.replace(" ", SPACE)
    return re.compile(rf"(?<![a-zA-Z]){spaced}(?![a-zA-Z])", re.IGNORECASE)


AMERICAN: Final = re.compile(
    r"(?<![`_.\w\[])(?<!(?<!\"\")\")"
    r"(?:cancel(?:ed|ing)|(?:recogn|normal|synchron|serial|minim|initial|summar|organ|monopol)iz\w+"
    r"|label(?:ed|ing)|signal(?:ed|ing)|behavior|favor|neighbor|centered)(?![`_(\"\w])",
    re.IGNORECASE,
)
"""Words in American spelling. Names in code keep the spelling of what they come from."""

PATTERNS: Final = {pattern(phrase): advice for phrase, advice in RETIRED.items()}
ANY_PATTERN: Final = pattern(f"(?:{'|'.join(RETIRED)})")


def retired(text: str) -> list[tuple[int, str, str]]:
    """Return the line of each retired phrase, the phrase, and what to write instead."""
    if ANY_PATTERN.search(text) is None:
        return []
    return sorted(
        (text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), advice)
        for pattern, advice in PATTERNS.items()
        for match in pattern.finditer(text)
    )


def test_no_retired_phrase_is_used() -> None:
    found = [
        f"{name(path)}:{line}: “{phrase}”: {advice}"
        for path in TEXTS
        for line, phrase, advice in retired(path.read_text("utf-8"))
    ]

    assert [] == found


@pytest.mark.parametrize(
    "text",
    [
        "Songs that there are: looked up.",
        "So long a take is asked for.",
        "# It is\n    # told again.",
        "def test_a_song_that_was_posted_all_the_same() -> None:",
        "a song at\nits end",
        "Report a hole",
    ],
)
def test_a_retired_phrase_is_found(text: str) -> None:
    assert 1 == len(retired(text))


@pytest.mark.parametrize(
    "text",
    [
        "So long as it lasts, so that there are two; besides, the whole recommendation was untold.",
        "There were so many that the member was shown the first ones, and that there are no more.",
        "It becomes official; retold bytes of whole holdings amend nothing.",
    ],
)
def test_a_text_that_resembles_a_retired_phrase_is_left_alone(text: str) -> None:
    assert [] == retired(text)


@pytest.mark.parametrize("file", BOT, ids=name)
def test_a_docstring_begins_with_a_noun_or_a_verb(file: Path) -> None:
    clauses = re.findall(r'"""(?:What|That|Whatever) .*', file.read_text("utf-8"))

    assert [] == clauses


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a document, or the docstrings and comments of a module."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.string.startswith('"""'):
            yield token.start[0], token.string


def test_prose_has_british_spelling() -> None:
    american = [
        f"{name(path)}:{line}: {word}"
        for path in (*BOT, *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
        for line, text in prose(path)
        for word in AMERICAN.findall(text)
        if not word.isupper()
    ]

    assert [] == american
