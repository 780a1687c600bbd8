"""What people who run such bots reported, each as a test named after what people met.

The numbers are those of the list that the project was tried with. ``COVERED`` names the tests elsewhere that
hold for a report; all others are here. ``python -m pytest -k report_`` runs the ones that are here.
"""

import ast
import gzip
import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import discord
import pytest

from bot.model import ClosedCause, FailReason
from bot.music import encodings, wire
from bot.music.client import ANSWER_MAX_BYTES
from bot.ui.discord_errors import Meaning, meaning_of
from bot.ui.file_names import file_name

ORIGIN: Final = "https://music.example:443"
URL: Final = "https://files.example/1.mp3"
HTML: Final = b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"
LAST: Final = 34

COVERED: Final = {
    11: ("unit/test_app.py", "test_a_public_bot_that_serves_strangers_warns_at_the_start"),
    12: ("unit/music/test_formats.py", "test_audio_declared_as_too_large_is_final_and_not_downloaded"),
    13: ("unit/ui/test_autocompletion.py", "test_songs_of_one_title_on_one_day_have_labels_that_differ"),
    14: ("unit/pipeline/test_pipeline.py", "test_an_unconfirmed_closure_needs_a_second_member"),
    15: ("unit/music/test_probe.py", "test_an_address_that_ends_in_v1_is_named_with_its_correction"),
    16: ("unit/music/test_probe.py", "test_a_redirect_is_named_with_where_it_leads"),
    20: ("unit/ui/test_cards.py", "test_a_member_with_embeds_off_reads_a_line"),
    23: ("unit/ui/test_commands.py", "test_a_category_a_forum_and_a_media_channel_are_refused_for_alerts"),
    24: (
        "faults/test_d_discord_answers.py",
        "test_the_song_of_a_deleted_thread_goes_to_its_channel_or_its_member",
    ),
    27: ("unit/store/test_quotas.py", "test_a_free_song_passes_every_limit"),
    31: ("unit/database/test_sqlite.py", "test_a_network_file_system_is_refused_under_any_name"),
    34: ("faults/test_d_discord_answers.py", "test_a_song_waits_for_the_end_of_slow_mode"),
}
"""Reports whose tests are elsewhere: the file under ``tests/`` and the name."""
ELSEWHERE: Final = {
    8: "two processes with one token",
    17: "ids in the ledger CSV",
    19: "mentions and emoji in a prompt",
    21: "joiners and combining marks",
    22: "texts of invisible characters",
    25: "unknown locales, events, components and fields",
    26: "HEAD /healthz and OpenMetrics",
    28: "hostile texts on every page",
    29: "an .env with a byte order mark or in UTF-16",
    30: "quotes in an .env, and DISCORD_TOKEN_FILE",
    32: "the demo on Windows",
    33: "wheels for armv7",
}
"""Reports whose tests are not listed here by name."""


def refusal(status: int, code: object) -> discord.HTTPException:
    """An error of Discord's as discord.py raises it."""
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    return discord.HTTPException(response, {"code": code, "message": "no"})


def posted(status: int, answer: object) -> wire.Submitted:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return wire.read_submitted(status, body, ("a song about rain",), None)


def polled(answer: object) -> wire.Checked | wire.Busy:
    return wire.read_checked(200, json.dumps(answer).encode(), ORIGIN)


def test_report_01_the_answer_to_the_paid_post_came_gzipped() -> None:
    """The proxy compressed although we asked for identity: the song was paid for and lost."""
    body = encodings.decode(gzip.compress(b'{"id": "t-1"}'), "gzip", ANSWER_MAX_BYTES)

    assert wire.Accepted("t-1") == posted(200, body)


def test_report_02_a_gzipped_poll_left_a_song_composing_for_ever() -> None:
    """Each poll was unreadable, so the job was parked after a day with its credits held."""
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
    """The answer was about V4, and V5 was refused too."""
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
    """Words like "credits" in a refusal of one request were read as an empty account."""
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
    """Seven shapes of a result, of which none was read."""
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
    """Relays answer the paid request with the id alone, or deeper inside."""
    assert wire.Accepted("t-12345678") == posted(200, answer)


@pytest.mark.parametrize(("status", "code"), [(403, 40333), (403, 0), (403, 40004), (404, 0), (500, 0)])
def test_report_09_a_bad_minute_of_discords_ended_songs_for_good(status: int, code: int) -> None:
    """The whole of Discord answered like that, and each song was called undeliverable for good."""
    assert Meaning.WEATHER is meaning_of(refusal(status, code))


@pytest.mark.parametrize("code", [20009, 200000, 240000])
def test_report_10_words_that_a_channel_refused_cost_the_song(code: int) -> None:
    """AutoMod, the filter of explicit content, and harmful links: the song arrives without its words."""
    assert Meaning.CONTENT is meaning_of(refusal(400, code))


@pytest.mark.parametrize(
    ("title", "name"),
    [("内山", "内山-1.mp3"), ("Straße", "strasse-1.mp3"), ("Łódź", "lodz-1.mp3"), ("Дождь", "дождь-1.mp3")],
)
def test_report_18_every_song_in_another_script_was_called_song_1(title: str, name: str) -> None:
    """Titles in Japanese or Russian vanished from file names, and others lost letters."""
    assert name == file_name(title, 1, ".mp3")


def test_a_service_that_asks_for_money_is_still_heard() -> None:
    """What the reports must not have cost: a plain answer about the account closes the service at once."""
    answer = posted(402, {"message": "Insufficient credits."})

    assert wire.Rejected(FailReason.CLOSED, "Insufficient credits.", ClosedCause.NO_CREDITS) == answer


def test_every_report_has_a_test_or_is_named_as_being_elsewhere() -> None:
    tests = Path(__file__).parents[1]
    here = {
        int(line.removeprefix("def test_report_")[:2])
        for line in inspect.getsource(inspect.getmodule(refusal)).splitlines()  # type: ignore[arg-type]
        if line.startswith("def test_report_")
    }

    missing = []
    for path, name in COVERED.values():
        tree = ast.parse((tests / path).read_text("utf-8"))
        functions = {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        missing += [f"{path}::{name}"] * (name not in functions)

    assert [] == missing
    assert list(range(1, LAST + 1)) == sorted([*here, *COVERED, *ELSEWHERE])
