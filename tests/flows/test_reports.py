"""Problems reported by operators of such bots, each as a test named after the experience.

The numbers are those of the list against which the project was tested. ``COVERED`` names tests in other
files that cover a report; all others are here. ``python -m pytest -k report_`` runs those that are here.
"""

import ast
import gzip
import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import discord
import pytest

from bot import settings
from bot.database.sqlite import Database
from bot.errors import StartRefused
from bot.model import ClosedCause, FailReason, SongRequest, TaskId
from bot.music import encodings, wire
from bot.music.kie import Kie
from bot.music.queries import ANSWER_MAX_BYTES
from bot.music.sseedance import Sseedance
from bot.refusals import TextMissing
from bot.services.intake import Intake
from bot.ui.discord_errors import Meaning, meaning_of
from bot.ui.file_names import file_name
from bot.ui.text import line, plain
from tests import make
from tests.flows.process import World

ORIGIN: Final = "https://music.example:443"
URL: Final = "https://files.example/1.mp3"
HTML: Final = b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"
LAST: Final = 34
CUSTOM: Final = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights"}
ROOT: Final = Path(__file__).parents[2]
COMPILED_ON_ARMV7: Final = {"backports-zstd", "brotli", "pillow", "regex"}
"""Packages of the lock without wheels for 32-bit ARM on the package index, as of 2026-11-26."""

COVERED: Final = {
    8: (
        "flows/test_run_same_token.py",
        "test_a_request_that_reaches_two_processes_is_charged_and_made_once",
    ),
    11: ("unit/test_app.py", "test_a_public_bot_that_serves_strangers_warns_at_the_start"),
    12: ("unit/music/test_formats.py", "test_audio_declared_as_too_large_is_final_and_not_downloaded"),
    13: ("unit/ui/test_autocompletion.py", "test_songs_with_one_title_on_one_day_have_distinct_labels"),
    14: ("unit/pipeline/test_pipeline.py", "test_an_unconfirmed_closure_needs_a_second_member"),
    15: ("unit/music/test_probe.py", "test_an_address_that_ends_in_v1_is_named_with_its_correction"),
    16: ("unit/music/test_probe.py", "test_a_redirect_is_named_with_where_it_leads"),
    17: ("unit/services/test_ledger_csv.py", "test_no_id_is_a_number_to_a_spreadsheet"),
    20: ("unit/ui/test_cards.py", "test_a_member_with_embeds_off_reads_a_line"),
    23: ("unit/ui/test_commands.py", "test_a_category_a_forum_and_a_media_channel_are_refused_for_alerts"),
    24: (
        "faults/test_d_discord_answers.py",
        "test_the_song_of_a_deleted_thread_goes_to_its_channel_or_its_member",
    ),
    26: ("unit/ops/test_health.py", "test_monitors_may_ask_in_any_form_and_concurrently"),
    27: ("unit/store/test_quotas.py", "test_a_free_song_passes_every_limit"),
    28: ("unit/ui/test_bounds.py", "test_long_lists_fit"),
    31: ("unit/database/test_sqlite.py", "test_a_network_file_system_is_refused_under_any_name"),
    34: ("faults/test_d_discord_answers.py", "test_a_song_waits_for_the_end_of_slow_mode"),
}
"""Reports tested elsewhere: the file under ``tests/`` and the test's name."""


def refusal(status: int, code: object) -> discord.HTTPException:
    """Return an error of Discord's as raised by discord.py."""
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    return discord.HTTPException(response, {"code": code, "message": "no"})


def intake(database: Database, clock: make.Clock) -> Intake:
    return Intake(database, make.terms(), now=clock, woken=lambda: None)


def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all settings from the environment."""
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def posted(status: int, answer: object) -> wire.Submitted:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return wire.read_submitted(status, body, ("a song about rain",), None)


def polled(answer: object) -> wire.Checked | wire.Busy:
    return wire.read_checked(200, json.dumps(answer).encode(), ORIGIN)


def test_report_01_the_answer_to_the_paid_post_came_gzipped() -> None:
    """The proxy compressed the answer despite ``identity``: the song was paid for and lost."""
    body = encodings.decode(gzip.compress(b'{"id": "t-1"}'), "gzip", ANSWER_MAX_BYTES)

    assert wire.Accepted(TaskId("t-1")) == posted(200, body)


def test_report_02_a_gzipped_poll_left_a_song_composing_for_ever() -> None:
    """Every poll was unreadable, so the job was parked after a day with its credits held."""
    done = {"data": {"status": "success", "audioUrls": [URL]}}

    body = encodings.decode(gzip.compress(json.dumps(done).encode()), "", ANSWER_MAX_BYTES)

    assert wire.Done((URL,)) == wire.read_checked(200, body, ORIGIN)


def test_report_03_one_members_words_tripped_the_firewall_for_everybody() -> None:
    """A 403 page about one request closed the service for all servers."""
    answer = posted(403, HTML)

    assert isinstance(answer, wire.Rejected)
    assert answer.suspect


@pytest.mark.parametrize("status", [400, 404])
def test_report_04_a_retired_model_closed_all_models(status: int) -> None:
    """The answer concerned V4, and V5 was refused too."""
    answer = posted(status, {"message": "Model V4 is not available", "code": "model_not_found"})

    assert isinstance(answer, wire.Rejected)
    assert answer.closed is None or answer.suspect


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (422, "Prompt is insufficient: describe the song"),
        (400, "Lyrics may not contain production credits"),
        (400, "Style: the balance must be named first"),
    ],
)
def test_report_05_a_word_in_a_refusal_read_as_an_empty_account(status: int, message: str) -> None:
    """A word like "credits" in the refusal of one request was read as an empty account."""
    answer = posted(status, {"message": message})

    assert isinstance(answer, wire.Rejected)
    assert answer.closed is None or answer.suspect


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"status": "success", "audioUrls": [{"audioUrl": URL}]}},
        {"data": {"status": "success", "output": [{"url": URL}]}},
        {"data": {"status": "success", "audio_urls": [URL]}},
        {"data": {"status": "success", "audioUrl": URL}},
        {"data": {"status": "SUCCESS", "response": {"sunoData": [{"audioUrl": URL}]}}},
        {"status": "success", "data": [{"audio_url": URL}]},
        {"data": {"status": "finished", "audioUrls": [URL]}},
    ],
)
def test_report_06_a_paid_song_was_lost_by_the_spelling_of_its_address(answer: object) -> None:
    """Seven shapes of a result, none of which was understood."""
    assert wire.Done((URL,)) == polled(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"code": "success", "data": "t-12345678"},
        {"data": [{"id": "t-12345678"}]},
        {"task": {"id": "t-12345678"}},
        {"data": {"task": {"task_id": "t-12345678"}}},
    ],
)
def test_report_07_a_paid_song_was_lost_by_the_place_of_its_id(answer: object) -> None:
    """Relays answer the paid request with only the id, or nest it more deeply."""
    assert wire.Accepted(TaskId("t-12345678")) == posted(200, answer)


@pytest.mark.parametrize(("status", "code"), [(403, 40333), (403, 0), (403, 40004), (404, 0), (500, 0)])
def test_report_09_a_bad_minute_of_discords_ended_songs_for_good(status: int, code: int) -> None:
    """All of Discord answered like that, and each song was declared undeliverable for good."""
    assert Meaning.WEATHER is meaning_of(refusal(status, code))


@pytest.mark.parametrize("code", [20009, 200000, 240000])
def test_report_10_words_that_a_channel_refused_cost_the_song(code: int) -> None:
    """AutoMod, the explicit content filter and harmful links: the song is posted without its texts."""
    assert Meaning.CONTENT is meaning_of(refusal(400, code))


@pytest.mark.parametrize(
    ("title", "name"),
    [("内山", "内山-1.mp3"), ("Straße", "strasse-1.mp3"), ("Łódź", "lodz-1.mp3"), ("Дождь", "дождь-1.mp3")],
)
def test_report_18_every_song_in_another_script_was_called_song_1(title: str, name: str) -> None:
    """Titles in Japanese or Russian were removed from file names, and others lost letters."""
    assert name == file_name(title, 1, ".mp3")


@pytest.mark.parametrize("custom", [True, False])
async def test_report_19_a_mention_was_sung_as_digits(
    database: Database, clock: make.Clock, *, custom: bool
) -> None:
    """Ids of members, channels and emoji reached a third party, and the song."""
    typed = "for <@157512345678901234> and <@!1> in <#6> <:pepe:1234567890>"
    texts = {"title": typed, "style": typed, "lyrics": typed} if custom else {"prompt": typed}
    request = SongRequest(model="V5", custom=custom, **texts)  # type: ignore[arg-type]

    accepted = await intake(database, clock).accept(request, make.origin())

    assert accepted is not None
    sent = json.dumps(Sseedance().body(accepted.job.request) | Kie().body(accepted.job.request))
    assert None is re.search(r"<|>|1575|12345|pepe:\d", sent)
    assert ":pepe:" in sent


@pytest.mark.parametrize(
    "typed",
    [
        "می\u200cخواهم",
        "क्\u200cष",
        "བསྒྲུབས",
        "שָׁ֣לוֹם",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ],
)
def test_report_21_scripts_lost_the_joiners_and_marks_that_they_need(typed: str) -> None:
    """Persian and Hindi titles were misspelt, and the flag of England turned black."""
    assert unicodedata.normalize("NFC", typed) == plain(typed) == line(typed, len(typed))


@pytest.mark.parametrize("typed", ["\u200b", "\u3164", "\u2800", "\ufe0f", "\u200b\r\n\u3164"])
@pytest.mark.parametrize("field", ["prompt", "title", "style", "lyrics"])
async def test_report_22_a_song_of_invisible_words_was_paid_for(
    database: Database, clock: make.Clock, field: str, typed: str
) -> None:
    """These texts show nothing, and cannot be sung."""
    texts = {"prompt": typed} if field == "prompt" else {**CUSTOM, field: typed}
    request = SongRequest(model="V5", custom=field != "prompt", **texts)  # type: ignore[arg-type]

    with pytest.raises(TextMissing) as refused:
        await intake(database, clock).accept(request, make.origin())

    assert field == refused.value.field


async def test_report_22_the_form_and_a_file_had_two_kinds_of_line_breaks(
    database: Database, clock: make.Clock
) -> None:
    """Discord's form sends CRLF on some devices, and each break counted twice."""
    request = SongRequest(model="V5", custom=True, **{**CUSTOM, "lyrics": "one\r\ntwo\rthree\nfour"})  # type: ignore[arg-type]

    accepted = await intake(database, clock).accept(request, make.origin())

    assert accepted is not None
    assert "one\ntwo\nthree\nfour" == accepted.job.request.lyrics


async def test_report_25_news_of_discords_that_no_library_knew_ended_the_process(tmp_path: Path) -> None:
    """Locales, events, interactions, components and fields that Discord may add at any time."""
    async with World.open(tmp_path) as world:
        channel, ada = world.room()
        guild_id = None if channel.guild is None else str(channel.guild.id)
        async with world.bot() as bot:
            strange = world.discord.payload(
                99, {"custom_id": "?", "component_type": 99}, user=ada, channel=channel
            )
            await world.discord.dispatch(strange)
            pressed = {"custom_id": "x", "component_type": 99, "values": [{"new": 1}]}
            message = {"id": "5", "channel_id": str(channel.id), "type": 99, "components": [{"type": 99}]}
            press = world.discord.payload(3, pressed, user=ada, channel=channel)
            await world.discord.dispatch(press | {"message": message})
            for event in ("GUILD_JAM_CREATE", "ENTITLEMENT_GIFTED", "CHANNEL_TOPIC_UPDATE"):
                await world.discord.dispatch({"guild_id": guild_id, "new": [{}]}, event)
            data = world.discord._command_data(
                "music create", {"prompt": "rain"}, channel, ada, unchecked=False
            )
            song = world.discord.payload(2, data, user=ada, channel=channel, locale="tlh")
            song["member"]["user"] |= {"collectibles": {"aura": 1}, "new": [None], "public_flags": 2**60}
            song |= {"guild_locale": "xx-YY", "context": 99, "new": {"a": 1}}

            card = await world.discord.interact(song)
            await world.next_post(channel)

            assert "rain" in card.text()
            assert 0 == await bot.terminate(), bot.log
    assert "Traceback" not in bot.log


@pytest.mark.parametrize("begins", ["", "\ufeff", "export "])
def test_report_29_an_editor_wrote_an_env_file_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    """A byte order mark, CRLF or ``export`` made the first setting unknown."""
    no_settings(monkeypatch)
    env_file = tmp_path / ".env"
    env_file.write_bytes(f"{begins}DISCORD_TOKEN=t0ken\r\nMUSIC_API_KEY='k3y'\r\n".encode())

    loaded = settings.load(env_file)

    assert {"t0ken", "k3y"} == set(loaded.secrets)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_report_29_an_env_file_in_utf_16_ended_in_a_traceback(tmp_path: Path, encoding: str) -> None:
    """PowerShell's ``>`` writes UTF-16."""
    env_file = tmp_path / ".env"
    env_file.write_bytes("DISCORD_TOKEN=t0ken\n# für uns\n".encode(encoding))

    with pytest.raises(StartRefused) as refused:
        settings.load(env_file)

    assert "t0ken" not in str(refused.value)
    assert 1 == len(str(refused.value).splitlines())


@pytest.mark.parametrize("quote", ["'", '"'])
def test_report_30_docker_kept_the_quotes_of_an_env_file(monkeypatch: pytest.MonkeyPatch, quote: str) -> None:
    """The token was reported as wrong, and copying it again did not help."""
    no_settings(monkeypatch)
    monkeypatch.setenv("DISCORD_TOKEN", f"{quote}t0ken{quote}")
    monkeypatch.setenv("MUSIC_API_KEY", "k3y-12345")

    with pytest.raises(StartRefused) as refused:
        settings.load(Path("none"))

    assert "DISCORD_TOKEN is in quotes" in str(refused.value)
    assert "t0ken" not in str(refused.value)


def test_report_30_a_secret_in_a_file_was_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker and Kubernetes hand secrets in as files."""
    no_settings(monkeypatch)
    for name, value in (("DISCORD_TOKEN", "t0ken"), ("KIE_API_KEY", "k3y-12345")):
        (tmp_path / name).write_text(f"{value}\n", "utf-8")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("MUSIC_BACKEND", "kie")

    loaded = settings.load(tmp_path / "none")

    assert {"t0ken", "k3y-12345"} == set(loaded.secrets)


def test_report_32_windows_answered_with_a_traceback() -> None:
    """It lacks the file lock, signals and clocks of POSIX."""
    lines = (
        "import sys",
        "sys.platform = 'win32'",
        "sys.modules['fcntl'] = None",
        "import bot.__main__ as program",
    )

    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", "\n".join([*lines, "program.main()"])],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (1, "") == (ended.returncode, ended.stdout)
    assert [True] == ["WSL" in one for one in ended.stderr.splitlines()]
    assert all("WSL" in (ROOT / name).read_text("utf-8") for name in ("README.md", "docs/install.md"))


def test_report_33_a_package_had_to_be_compiled_on_32_bit_arm() -> None:
    """The installation guide warns in advance, and lists every package without a wheel for it."""
    install = (ROOT / "docs/install.md").read_text("utf-8").lower()
    locked = set(
        re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    )

    assert COMPILED_ON_ARMV7 <= locked
    assert "armv7" in install
    assert all(name.replace("-", ".") in install for name in COMPILED_ON_ARMV7)


def test_a_service_that_asks_for_money_is_still_heard() -> None:
    """The fixes must not break this: an explicit answer about the account closes the service at once."""
    answer = posted(402, {"message": "Insufficient credits."})

    assert wire.Rejected(FailReason.CLOSED, "Insufficient credits.", ClosedCause.NO_CREDITS) == answer


def test_every_report_has_a_test() -> None:
    tests = Path(__file__).parents[1]
    here = {
        int(name.split("_")[2]) for name in functions_of(Path(__file__)) if name.startswith("test_report_")
    }

    missing = []
    for path, name in COVERED.values():
        missing += [f"{path}::{name}"] * (name not in functions_of(tests / path))

    assert [] == missing
    assert list(range(1, LAST + 1)) == sorted([*here, *COVERED])
