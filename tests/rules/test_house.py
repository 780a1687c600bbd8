"""Rules of the house that a program can check."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from bot import errors
from bot.model import ClosedCause, FailReason, JobState, Limit, Option
from bot.ui import messages
from bot.ui.language import ENGLISH
from tests import make
from tests.rules.repository import BOT, ROOT, name, tree

BROAD = {
    "bot/pipeline/runner.py": 1,  # the one around a job
    "bot/ops/supervisor.py": 1,  # one part's bug must not end the others
    "bot/ops/doctor/runner.py": 2,  # a check that breaks is a line; one on a thread hands its error over
    "bot/ui/discord_client.py": 1,  # what the tree does for commands, for buttons and forms
    "bot/database/sqlite_writer.py": 1,  # handed on to the caller of write()
}

FILE_LINES_MAX = 400
LONG = {
    "bot/errors.py",  # the whole error tree
    "bot/model.py",  # the nouns that everything shares
}
"""Modules that may be longer."""
AIOSQLITE = "bot/database/sqlite_connections.py"
AIOSQLITE_PRIVATE = re.compile(r"\._(conn|execute|thread)\b|\._tx\.put")


def test_no_module_is_long_without_a_reason() -> None:
    long = {name(path) for path in BOT if path.read_text("utf-8").count("\n") > FILE_LINES_MAX}

    assert set() == long - LONG


def test_private_attributes_of_aiosqlite_are_touched_in_one_module() -> None:
    sqlite = [path for path in BOT if name(path).startswith("bot/database/sqlite")]
    importing = [name(path) for path in BOT if "import aiosqlite" in path.read_text("utf-8")]
    touching = [name(path) for path in sqlite if AIOSQLITE_PRIVATE.search(path.read_text("utf-8"))]

    assert [AIOSQLITE] == importing
    assert [AIOSQLITE] == touching


@pytest.mark.parametrize("path", BOT, ids=name)
def test_a_module_opens_with_one_sentence(path: Path) -> None:
    opening = ast.get_docstring(tree(path)) or ""

    assert re.match(r"[^\n]+[.:]?(\n\n|$)", opening)
    assert opening.split("\n\n")[0].rstrip().endswith((".", "``"))


def test_broad_handlers_exist_only_where_they_are_explained() -> None:
    found = {}
    for path in BOT:
        handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
        broad = [
            h
            for h in handlers
            if h.type is None or (isinstance(h.type, ast.Name) and h.type.id == "Exception")
        ]
        if broad:
            found[name(path)] = len(broad)

    assert BROAD == found


def test_no_handler_swallows() -> None:
    swallowing = [
        f"{name(path)}:{node.lineno}"
        for path in BOT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and len(node.body) == 1
        and isinstance(node.body[0], ast.Pass)
        # A value that is no number may still be a date.
        and name(path) != "bot/music/client.py"
    ]

    assert [] == swallowing


@pytest.mark.parametrize("path", BOT, ids=name)
def test_importing_a_module_starts_nothing(path: Path) -> None:
    calls = [
        node for node in tree(path).body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]

    assert not calls or "bot/__main__.py" == name(path)


def refusals() -> list[errors.Refusal]:
    made: list[errors.Refusal] = [
        errors.TextTooLong("prompt", 501, 500),
        errors.LyricsInPrompt(),
        errors.TextMissing("lyrics"),
        errors.TextMissing("title"),
        *(errors.UnreadableFile(cause) for cause in ("too_big", "not_text", "empty", "not_fetched")),
        errors.LyricsGuessed("Windows-1252", "Über den Wolken muss die Freiheit wohl grenzenlos sein. " * 9),
        errors.UnknownModel(("V5", "V4_5")),
        errors.NoDuration(("V6", "V6_MINI")),
        errors.NoDuration(()),
        errors.OptionsNotTaken((Option.VOICE,)),
        errors.OptionsNotTaken(tuple(Option)),
        errors.NotEnoughCredits(10, make.balance(used=90)),
        *(
            errors.LimitReached(10, limit, make.standing(limit=limit, used=25))
            for limit in (Limit(credits=30), Limit(credits=30, role_id=7), Limit(credits=30, everyone=True))
        ),
        errors.UnknownControl(),
        errors.NoSuchLimit(),
        errors.NoSuchZone(),
        errors.NoSuchChannel(),
        errors.NoSuchRole(),
        errors.EverybodyManages(),
        errors.TooManyRoles(10),
        errors.WrongChannel((1, 2)),
        errors.TooManyChannels(10),
        errors.Paused("too loud"),
        errors.WordRefused("polka"),
        errors.WordUnusable("empty"),
        errors.WordUnusable("too_long", 50),
        errors.WordUnusable("too_many", 100),
        errors.WordUnusable("unknown"),
        errors.NotServed(),
        errors.TotalReached(make.NOW),
        *(errors.OperatorsOnly(what) for what in ("period", "grant", "refund")),
        *(errors.NotRefundable(cause) for cause in ("unknown", "open", "released", "refunded")),
        errors.TooManyOpenJobs("member", 2),
        errors.TooManyOpenJobs("guild", 1),
        errors.TooManyLyrics(10, make.NOW),
        errors.LyricsUnderway(make.NOW),
        *(errors.NoLyrics(cause) for cause in ("busy", "refused", "moderated", "failed", "late", "unknown")),
        errors.TooManyRatings(100, make.NOW),
        errors.TooManyRequests(500, make.NOW),
        *(errors.ServiceClosed(cause, make.NOW) for cause in ClosedCause),
        errors.MissingPermissions(("attach_files", "embed_links")),
        errors.NotYourServer("outside"),
        errors.NotYourServer("manager"),
        errors.OutOfRange(0, 10),
        errors.WordsGone(),
        errors.TriedAgain(),
        errors.AlreadyMaking(),
        errors.NotYourSong(),
        errors.TooLateToCancel(),
        errors.NoSuchSong(),
        errors.NotDoneYet(),
        errors.SongGone(),
        errors.NoDirectMessages(),
        errors.NoPlaceToPost(),
        errors.TooManyCopies(2),
        errors.ExportRunning(),
        errors.Leaving(),
        errors.ShuttingDown(),
        errors.NoRoom(),
    ]
    return made


def test_every_embed_is_built_by_the_helper_that_makes_it_fit() -> None:
    made = {name(path) for path in BOT if "discord.Embed(" in path.read_text("utf-8")}

    assert set() == made


def test_nothing_uses_the_shared_default_threads() -> None:
    shared = re.compile(r"asyncio\.to_thread\(|run_in_executor\(\s*None")
    users = [name(path) for path in BOT if shared.search(path.read_text("utf-8"))]

    assert [] == users


def test_every_refusal_has_its_sentence() -> None:
    kinds = {
        kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.Refusal)
    }

    assert kinds - {errors.Refusal} == {type(refusal) for refusal in refusals()}


@pytest.mark.parametrize("refusal", refusals(), ids=str)
def test_a_refusal_is_a_sentence_without_anything_internal(refusal: errors.Refusal) -> None:
    sentence = messages.refusal(ENGLISH, refusal)

    assert sentence.endswith(".")
    assert len(sentence) < 300
    assert not re.search(r"Error|None|_[a-z]+_|\bjob\b", sentence)


@pytest.mark.parametrize("reason", FailReason)
@pytest.mark.parametrize("closed", ClosedCause)
def test_every_failure_reaches_the_member_with_the_credits_back(
    reason: FailReason, closed: ClosedCause
) -> None:
    failed = make.job(state=JobState.FAILED, reason=reason, closed=closed)

    assert messages.failure(ENGLISH, failed).endswith("Your 10 credits are back.")


def test_every_dependency_is_bounded_below_and_above() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = [
        *project["project"]["dependencies"],
        *(line for group in project["project"]["optional-dependencies"].values() for line in group),
        *project["dependency-groups"]["dev"],
    ]
    named = [line for line in named if not line.startswith("tunesmith")]  # one extra brings another

    assert [] == [line for line in named if ">=" not in line or "<" not in line]


def test_the_lock_pins_every_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    # The image also runs on PostgreSQL.
    lines = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["postgresql"]
    wanted = {re.split(r"[>=<\[]", line)[0].replace(".", "-").lower() for line in lines}
    wanted.add("psycopg-binary")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))

    assert wanted <= pinned
    assert len(re.findall(r"^[a-z0-9-]+==", lock, re.MULTILINE)) <= lock.count("--hash=sha256:")


def test_ci_checks_for_each_program_separately() -> None:
    """``command -v`` with several names is true if any one of them exists."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")

    assert [] == re.findall(r"command -v +\S+ +[^>|&;\s]\S*", script)
