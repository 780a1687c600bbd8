"""The operator's commands, run as from a shell."""

import asyncio
import os
import re
import shutil
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli
from bot.database.sqlite import Database
from bot.model import Backend, JobState
from bot.store import upstream
from tests import make
from tests.doubles.discord import FakeDiscord
from tests.doubles.discord.wire import Guild
from tests.unit.pipeline.rig import Rig


@pytest.fixture(scope="session")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the database of an evening, which is created once."""
    folder = tmp_path_factory.mktemp("evening")
    asyncio.run(an_evening(folder))
    return folder


@pytest.fixture
def place(tmp_path: Path, left_behind: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter an operator's folder with settings and a database that has a parked job and a song."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DISCORD_TOKEN": "a-token",
        "MUSIC_API_KEY": "a-key",
        "DATABASE_URL": "sqlite:///tunesmith.db",
        "COLUMNS": "60",
    }.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(left_behind, tmp_path, dirs_exist_ok=True)
    return tmp_path


async def an_evening(folder: Path) -> None:
    async with Database.open(folder / "tunesmith.db") as database:
        rig = Rig(database, folder / "spool", make.Clock())
        await rig.until(await rig.ask(), JobState.DELIVERED)
        rig.music.done_at_once = False
        job = await rig.ask()
        await rig.until(job, JobState.RUNNING)
        rig.clock.forward(hours=25)
        await rig.round()


def typed(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def job_in(state: str) -> str:
    with closing(sqlite3.connect("tunesmith.db")) as connection:
        return str(connection.execute("SELECT id FROM job WHERE state = ?", (state,)).fetchone()[0])


@pytest.mark.usefixtures("place")
def test_servers_shows_a_table_with_a_line_for_each() -> None:
    said = typed("servers")

    (row,) = [line for line in said.output.splitlines() if str(make.GUILD) in line]
    assert 0 == said.exit_code
    assert [str(make.GUILD), "100", "a", "month", *("10", "10", "0", "80", "1")] == row.split()[:9] or (
        # the songs belong to an earlier month, so none of the allowance is used
        row.split()[:9] == [str(make.GUILD), "100", "a", "month", *("0", "0", "0", "100", "1")]
    )


@pytest.fixture
def with_kie(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Choose the service that reports a balance."""
    monkeypatch.setenv("MUSIC_BACKEND", "kie")
    monkeypatch.setenv("KIE_API_KEY", "another-key")
    return place


def keep_balance(credits_: float, age: timedelta) -> None:
    """Store a balance as a running bot does."""
    reading = upstream.BalanceReading(credits=credits_, at=datetime.now(UTC) - age)
    with closing(sqlite3.connect("tunesmith.db")) as connection:
        connection.row_factory = sqlite3.Row
        upstream.record(connection, Backend.KIE, reading, ())
        connection.commit()


@pytest.mark.usefixtures("with_kie")
def test_the_table_of_servers_ends_with_the_balance_and_its_songs() -> None:
    keep_balance(987.6, timedelta(minutes=7))
    before = typed("servers").output
    typed("grant", str(make.GUILD), "1000", "--reason", "hello")
    keep_balance(203.99, timedelta(hours=3))
    after = typed("servers").output

    assert re.search(
        r"\nBalance at kie: 987\.6 credits, for 82 songs, read 7 min ago; "
        r"members can still request \d+ songs \(\d+ credits\)\.\n$",
        before,
    )
    assert re.search(
        r"\nBalance at kie: 203\.99 credits, for 16 songs, read 3 h ago; members can still request 1.*\n"
        r"Warning: The balance at kie \(203\.99 credits\) pays for only 16 songs; top it up.*\n"
        r"Warning: The balance at kie \(203\.99 credits\) pays for only 16 songs, but members can still.*",
        after,
    )


@pytest.mark.usefixtures("with_kie")
def test_the_table_of_servers_ends_with_the_actual_cost_of_songs() -> None:
    with closing(sqlite3.connect("tunesmith.db")) as connection:
        connection.execute(
            "UPDATE job SET backend = 'kie', upstream_credits = 12.5 WHERE state = 'delivered'"
        )
        connection.commit()

    said = typed("servers").output

    assert "Balance at kie: not read yet; members can still request" in said
    assert said.endswith("A song there has cost 12.5 credits on average (1 song).\n")


@pytest.mark.usefixtures("with_kie")
def test_the_doctor_shows_the_last_balance_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISCORD_API_URL", "KIE_API_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    keep_balance(203.99, timedelta(hours=3))

    said = typed("doctor").output

    assert re.search(
        r"\nwarning  balance: can't be read now \(balance query: ClientConnectorError\); "
        r"last known at kie: 203\.99 credits, for 16 songs, read 3 h ago; members can still request \d+ songs"
        r" \(\d+ credits\)\. The balance at kie \(203\.99 credits\) pays for only 16 songs; top it up, "
        r"or requests will soon be refused\n",
        said,
    )


@pytest.mark.usefixtures("place")
def test_a_service_without_a_balance_adds_nothing_to_the_table() -> None:
    keep_balance(987.6, timedelta(minutes=7))

    assert "Balance" not in typed("servers").output


@pytest.mark.usefixtures("place")
def test_jobs_shows_a_table_of_the_unfinished_ones() -> None:
    said = typed("jobs")

    assert 0 == said.exit_code
    assert re.search(rf"{job_in('running')} +{make.GUILD} +running .*you: parked \(slow\)", said.output)
    assert job_in("delivered") not in said.output


@pytest.mark.usefixtures("place")
def test_each_change_is_confirmed_with_before_and_after() -> None:
    granted = typed("grant", str(make.GUILD), "25", "--reason", "hello")
    taken = typed("grant", str(make.GUILD), "-5", "--reason", "too much")
    refunded = typed("jobs", "--refund", job_in("delivered"))
    asked = typed("jobs", "--retry", job_in("running"))

    assert f"Server {make.GUILD}: bonus 0 → 25 credits.\n" == granted.output
    assert f"Server {make.GUILD}: bonus 25 → 20 credits.\n" == taken.output
    assert re.search(r"is refunded\. Server 7001: available \d+ → \d+ credits\.\n", refunded.output)
    assert "the bot retries it within half a minute." in asked.output


@pytest.mark.usefixtures("place")
def test_each_action_on_a_job_is_a_subcommand() -> None:
    refunded = typed("jobs", "refund", job_in("delivered"), "--reason", "sorry")
    again = typed("jobs", "refund", job_in("delivered"))
    retried = typed("jobs", "retry", job_in("running"))

    assert re.search(r"is refunded\. Server 7001: available \d+ → \d+ credits\.\n", refunded.output)
    assert (1, True) == (again.exit_code, "already been refunded; nothing was changed." in again.stderr)
    assert "the bot retries it within half a minute." in retried.output
    with closing(sqlite3.connect("tunesmith.db")) as connection:
        reasons = connection.execute("SELECT reason FROM ledger WHERE kind = 'refund'").fetchall()
    assert [("sorry",)] == reasons


def test_the_flags_of_earlier_versions_are_hidden() -> None:
    said = typed("jobs", "--help")

    assert {"retry", "release", "refund"} <= set(said.output.split())
    assert "--retry" not in said.output


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", [("jobs", "--release"), ("jobs", "release")])
def test_releasing_a_parked_job_is_confirmed_in_words(words: tuple[str, ...]) -> None:
    said = typed(*words, job_in("running"))

    assert re.search(r"has failed, and the bot tells the member\. Server 7001: available", said.output)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "words",
    [
        ("grant", "5", "10", "--reason", "x"),
        ("grant", str(make.GUILD), "10", "--reason", ""),
        ("jobs", "--release", "5"),
        ("jobs", "--retry", "5"),
        ("jobs", "--refund", "99999999999999999999"),
        ("jobs", "--retry", "5", "--release", "5"),
        ("jobs", "--retry", "5", "release", "5"),
        ("jobs", "release", "5"),
        ("jobs", "retry", "5"),
        ("jobs", "refund", "99999999999999999999"),
        ("servers", "allow", "99999999999999999999"),
        ("servers", "deny", "0"),
        ("backup", "tunesmith.db"),
        ("backup", "."),
        ("restore", "nothing.db"),
    ],
)
def test_an_impossible_action_is_one_sentence_and_exit_1(words: tuple[str, ...]) -> None:
    said = typed(*words)

    assert 1 == said.exit_code
    assert isinstance(said.exception, SystemExit)
    assert re.fullmatch(r"[^\n]+[.]\n", said.stderr)
    assert "" == said.stdout


@pytest.mark.parametrize("command", ["servers", "jobs"])
def test_before_the_first_start_there_is_nothing_to_show(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///nowhere/tunesmith.db")

    said = typed(command)

    assert (1, "") == (said.exit_code, said.stdout)
    assert re.search("does not exist yet; start the bot first[.]", said.stderr)
    assert not (place / "nowhere").exists()


@pytest.mark.usefixtures("place")
def test_backup_and_restore_print_one_line_each_and_progress_on_terminals() -> None:
    made = typed("backup", "saved.db")
    back = typed("restore", "saved.db")

    assert re.fullmatch(
        r"\S+saved\.db: 0\.\d MiB, schema \d+, 2 jobs, 3 ledger entries; verified\.\n", made.output
    )
    assert "Restored tunesmith.db from saved.db. Unfinished jobs: 1 running." == back.output.splitlines()[0]
    assert re.match(
        r"The replaced database is kept as \S+tunesmith\.db\.replaced-", back.output.splitlines()[1]
    )


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("token", ["", "not a token", "\n"])
def test_commands_that_only_use_the_database_need_no_token(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    monkeypatch.delenv("MUSIC_API_KEY")

    for words in (
        ["servers"],
        ["jobs"],
        ["jobs", "show", job_in("delivered")],
        ["servers", "allow", "5"],
        ["backup", "x"],
        ["grant", str(make.GUILD), "1", "--reason", "x"],
        ["restore", "x"],
    ):
        said = typed(*words)
        assert (0, "") == (said.exit_code, said.stderr), words


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", [["servers"], ["jobs"], ["backup", "x"], ["restore", "x"]])
def test_a_wrong_setting_is_named_by_every_command(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://x")

    said = typed(*words)

    assert (1, True) == (said.exit_code, said.stderr.startswith("DATABASE_URL must be sqlite:///"))


@pytest.mark.parametrize("command", ["playground", "sandbox"])
def test_a_port_that_is_in_use_is_one_sentence(command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = typed(command, "--port", str(port))

    sentence = f"Can't listen on port {port} (address already in use); choose another with --port.\n"
    assert (1, sentence) == (said.exit_code, said.stderr)


@pytest.mark.usefixtures("place")
async def test_servers_are_named_if_discord_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeDiscord() as discord:
        discord.guilds[make.GUILD] = Guild(make.GUILD, "Night\x1b[31m Owls")
        monkeypatch.setenv("DISCORD_API_URL", discord.url)
        monkeypatch.setenv("DISCORD_TOKEN", discord.token)
        named = await asyncio.to_thread(typed, "servers")
        monkeypatch.setenv("DISCORD_TOKEN", "a-wrong-token")
        unnamed = await asyncio.to_thread(typed, "servers")

    assert "Owls" in named.output
    assert "\x1b" not in named.output
    assert (0, True, False) == (
        unnamed.exit_code,
        str(make.GUILD) in unnamed.output,
        "Owls" in unnamed.output,
    )


@pytest.mark.usefixtures("place")
def test_a_server_is_allowed_and_denied_as_the_table_shows() -> None:
    before = typed("servers").output
    denied = typed("servers", "deny", str(make.GUILD))
    after_denial = typed("servers").output
    allowed = typed("servers", "allow", str(make.GUILD))
    after = typed("servers").output

    assert f"Server {make.GUILD} is no longer served; its unfinished songs are still delivered.\n" == (
        denied.output
    )
    assert f"Server {make.GUILD} is served.\n" == allowed.output
    assert [True] * 3 == ["by settings" in before, "denied" in after_denial, "allowed" in after]


@pytest.mark.usefixtures("place")
def test_every_file_created_by_a_command_is_private() -> None:
    before = os.umask(0)
    try:
        made = typed("backup", "saved.db")
        typed("servers", "allow", "5")
        with asyncio.Runner() as runner:
            runner.run(an_evening(Path("new")))
    finally:
        os.umask(before)

    assert 0 == made.exit_code
    files = [path for path in (Path("saved.db"), *Path("new").rglob("*")) if path.suffix != ".lock"]
    assert {"tunesmith.db", "saved.db", "spool"} <= {path.name for path in files}
    assert [] == [path for path in (Path("new"), *files) if path.stat().st_mode & 0o077]


@pytest.mark.usefixtures("place")
def test_a_songs_story_is_shown_in_order_and_without_its_words() -> None:
    said = typed("jobs", "show", job_in("delivered"))

    assert 0 == said.exit_code
    told = [re.split(r"  +", line.strip())[-1] for line in said.output.splitlines()]
    assert [
        *("requested", "10 credits held; 10 of the allowance, 0 of the bonus"),
        *("sending the paid request to sseedance", "accepted by the music service"),
        *("finished at the music service", "audio stored: 2 takes, 0.0 MiB"),
        "10 credits settled; 10 of the allowance, 0 of the bonus",
        *("posting the song to the channel", "song posted", ""),
    ] == told[told.index("requested") :]
    assert f"member {make.MEMBER}" in said.output
    assert "synth pop" not in said.output


@pytest.mark.usefixtures("place")
def test_a_songs_words_are_shown_when_asked_for() -> None:
    said = typed("jobs", "show", job_in("running"), "--words")

    assert "Prompt: 'Warm synth pop about the last train home'" in said.output
    assert "parked (slow) until you decide" in said.output
    assert "parked: slow" in said.output


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("number", ["7", "0", str(1 << 70)])
def test_the_story_of_an_unknown_job_is_one_sentence(number: str) -> None:
    said = typed("jobs", "show", number)

    assert (1, f"Job {number} does not exist.\n") == (said.exit_code, said.stderr)


@pytest.mark.usefixtures("place")
def test_a_server_is_forgotten_after_confirmation_or_with_yes() -> None:
    asked = typed("servers", "forget", str(make.GUILD))
    unknown = typed("servers", "forget", "77", "--yes")
    before = job_in("delivered")
    said = typed("servers", "forget", str(make.GUILD), "--yes")

    assert (1, True) == (asked.exit_code, "add --yes. Nothing was changed." in asked.stderr)
    assert (1, "Server 77 is not known; nothing was changed.\n") == (unknown.exit_code, unknown.stderr)
    assert 0 == said.exit_code
    assert "message ids (2), limits (0), the settings, and members known only from there (1)" in said.output
    assert said.output.endswith("The bot removes the files within a minute, or at its next start.\n")
    assert "data erased" in typed("jobs", "show", before).output
    assert 0 == typed("doctor", "--ledger").exit_code
