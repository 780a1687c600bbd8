"""Discord's error codes, and what each refers to."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import discord
import pytest

from bot.ui.discord_errors import MEANINGS, Meaning, meaning_of

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "understood.md"
ROWS: Final = {
    "this place": Meaning.PLACE,
    "this member takes no direct messages": Meaning.PERSON,
    "this message": Meaning.MESSAGE,
    "this content": Meaning.CONTENT,
    "these files": Meaning.SIZE,
    "slow mode": Meaning.SLOW_MODE,
}

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes, read 2026-11-26
OTHERS: Final = (
    *(0, 10001, 10002, 10005, 10006, 10007, 10009, 10011, 10012, 10014, 10015, 10020, 10026, 10029, 10030),
    *(
        10036,
        10049,
        10050,
        10057,
        10059,
        10060,
        10063,
        10065,
        10066,
        10067,
        10068,
        10069,
        10070,
        10071,
        10087,
    ),
    *(20001, 20002, 20012, 20018, 20022, 20024, 20029, 20031, 20035),
    *(
        30001,
        30002,
        30003,
        30005,
        30007,
        30010,
        30013,
        30015,
        30016,
        30018,
        30019,
        30030,
        30032,
        30033,
        30034,
    ),
    *(
        40001,
        40002,
        40003,
        40004,
        40006,
        40012,
        40018,
        40032,
        40033,
        40041,
        40043,
        40060,
        40061,
        40062,
        40066,
    ),
    *(
        40067,
        40074,
        40333,
        50002,
        50003,
        50004,
        50012,
        50014,
        50015,
        50019,
        50020,
        50021,
        50025,
        50027,
        50028,
    ),
    *(60003, 80004, 90001, 110001, 130000, 150006, 160004, 160006, 160007, 170001, 180000, 220003),
)
"""Codes, nearly all of them documented, that refer to none of our places, members and messages."""


def refusal(status: int, code: object) -> discord.HTTPException:
    """Return an error as raised by discord.py."""
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    return discord.HTTPException(response, {"code": code, "message": "no"})


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 504, 520])
def test_a_code_about_nothing_of_ours_is_transient(status: int) -> None:
    codes: tuple[object, ...] = (*OTHERS, None, "50013", [], True, -1)

    meanings = {meaning_of(refusal(status, code)) for code in codes}

    assert {Meaning.WEATHER} == meanings


@pytest.mark.parametrize("status", [400, 403, 404, 429])
def test_a_codes_meaning_is_independent_of_the_status(status: int) -> None:
    assert MEANINGS == {code: meaning_of(refusal(status, code)) for code in MEANINGS}


def test_a_bad_request_without_a_known_code_is_about_its_content() -> None:
    assert {Meaning.CONTENT} == {meaning_of(refusal(400, code)) for code in (50035, *OTHERS)}


def test_too_large_concerns_the_files_whatever_the_body_says() -> None:
    assert {Meaning.SIZE} == {meaning_of(refusal(413, code)) for code in (0, 50013, None)}


def test_the_document_lists_every_code_with_its_meaning() -> None:
    listed: dict[int, Meaning] = {}
    for line in DOCUMENT.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 2 and cells[2] in ROWS:
            listed |= {int(code): ROWS[cells[2]] for code in re.findall(r"\b\d{5,6}\b", cells[1])}

    assert MEANINGS == listed
