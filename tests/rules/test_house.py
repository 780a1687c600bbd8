"""Rules of the house that a program can check."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from bot import refusals
from bot.balance import Limit
from bot.errors import Refusal
from bot.model import ChannelId, ClosedCause, FailReason, JobState, Option, RoleId
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
"""Maximum length of a module, in lines."""
FUNCTION_LINES_MAX = 45
"""Maximum length of a function, in lines after its docstring."""
LONG = {
    "bot/ops/metrics_page.py:_of_totals": "one metric after the other",
    "bot/store/job_rows.py:_job": "one field of a job after the other",
    "bot/store/personal_data.py:_song": "one field of an export after the other",
}
"""Longer functions, each with the reason why it is flat and reads no better in parts."""
AIOSQLITE = "bot/database/sqlite_connections.py"
AIOSQLITE_PRIVATE = re.compile(r"\._(conn|execute|thread)\b|\._tx\.put")


def test_no_module_is_long() -> None:
    assert [] == [name(path) for path in BOT if path.read_text("utf-8").count("\n") > FILE_LINES_MAX]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function from the first one after its docstring."""
    body = function.body if ast.get_docstring(function) is None else function.body[1:]
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_function_is_long_without_a_reason() -> None:
    long = {
        f"{name(path)}:{node.name}"
        for path in BOT
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and lines_of(node) > FUNCTION_LINES_MAX
    }

    assert set(LONG) == long


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


def made_refusals() -> list[Refusal]:
    made: list[Refusal] = [
        refusals.TextTooLong("prompt", 501, 500),
        refusals.LyricsInPrompt(),
        refusals.TextMissing("lyrics"),
        refusals.TextMissing("title"),
        *(refusals.UnreadableFile(cause) for cause in ("too_big", "not_text", "empty", "not_fetched")),
        refusals.LyricsGuessed(
            "Windows-1252", "Über den Wolken muss die Freiheit wohl grenzenlos sein. " * 9
        ),
        refusals.UnknownModel(("V5", "V4_5")),
        refusals.NoDuration(("V6", "V6_MINI")),
        refusals.NoDuration(()),
        refusals.OptionsNotTaken((Option.VOICE,)),
        refusals.OptionsNotTaken(tuple(Option)),
        refusals.NotEnoughCredits(10, make.balance(used=90)),
        *(
            refusals.LimitReached(10, limit, make.standing(limit=limit, used=25))
            for limit in (
                Limit(credits=30),
                Limit(credits=30, role_id=RoleId(7)),
                Limit(credits=30, everyone=True),
            )
        ),
        refusals.UnknownControl(),
        refusals.NoSuchLimit(),
        refusals.NoSuchZone(),
        refusals.NoSuchChannel(),
        refusals.NoSuchRole(),
        refusals.EverybodyManages(),
        refusals.TooManyRoles(10),
        refusals.WrongChannel((ChannelId(1), ChannelId(2))),
        refusals.TooManyChannels(10),
        refusals.Paused("too loud"),
        refusals.WordRefused("polka"),
        refusals.WordUnusable("empty"),
        refusals.WordUnusable("too_long", 50),
        refusals.WordUnusable("too_many", 100),
        refusals.WordUnusable("unknown"),
        refusals.NotServed(),
        refusals.TotalReached(make.NOW),
        *(refusals.OperatorsOnly(what) for what in ("period", "grant", "refund")),
        *(refusals.NotRefundable(cause) for cause in ("unknown", "open", "released", "refunded")),
        refusals.TooManyOpenJobs("member", 2),
        refusals.TooManyOpenJobs("guild", 1),
        refusals.TooManyLyrics(10, make.NOW),
        refusals.LyricsUnderway(make.NOW),
        *(
            refusals.NoLyrics(cause)
            for cause in ("busy", "refused", "moderated", "failed", "late", "unknown")
        ),
        refusals.TooManyRatings(100, make.NOW),
        refusals.TooManyRequests(500, make.NOW),
        *(refusals.ServiceClosed(cause, make.NOW) for cause in ClosedCause),
        refusals.MissingPermissions(("attach_files", "embed_links")),
        refusals.NotYourServer("outside"),
        refusals.NotYourServer("manager"),
        refusals.OutOfRange(0, 10),
        refusals.TextsGone(),
        refusals.TriedAgain(),
        refusals.AlreadyMaking(),
        refusals.NotYourSong(),
        refusals.TooLateToCancel(),
        refusals.NoSuchSong(),
        refusals.NotDoneYet(),
        refusals.SongGone(),
        refusals.NoDirectMessages(),
        refusals.NoPlaceToPost(),
        refusals.TooManyCopies(2),
        refusals.ExportRunning(),
        refusals.Leaving(),
        refusals.ShuttingDown(),
        refusals.NoRoom(),
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
    kinds = {kind for kind in vars(refusals).values() if inspect.isclass(kind) and issubclass(kind, Refusal)}

    assert kinds - {Refusal} == {type(refusal) for refusal in made_refusals()}


def test_every_refusal_is_in_the_overview_of_its_module() -> None:
    table = "\n".join(row for row in (refusals.__doc__ or "").splitlines() if row.startswith("    "))
    overview = re.findall(r"\w+(?=,|$)", table, re.MULTILINE)
    classes = [
        kind.__name__
        for kind in vars(refusals).values()
        if inspect.isclass(kind) and issubclass(kind, Refusal) and kind is not Refusal
    ]

    assert classes == overview


@pytest.mark.parametrize("refusal", made_refusals(), ids=str)
def test_a_refusal_is_a_sentence_without_anything_internal(refusal: Refusal) -> None:
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
