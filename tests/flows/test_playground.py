"""The playground in the browser: clicks while the clock runs, access, and the page's content."""

import asyncio
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from simcord.preview import _media

from bot.commands import simulations
from bot.playground import browser, page
from bot.playground.captions import captions
from bot.store import breaker
from bot.ui.language import CODES
from tests.flows.seen import WAIT_S
from tests.flows.visitor import Visitor, visiting

ACTIONS = 30
CAMPAIGN_ACTIONS = 500
DECODED_AT_ONCE = _media.MAX_QUEUE
SEEDS = (17, 18, 19)
WITH_A_REASON = {"validation-failed", "command-option-invalid"}
"""Codes of actions rejected with a reason, because of what was typed or chosen."""


@pytest.fixture(autouse=True)
def quick(tiny_songs: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it is set up
    """Make the clock tick constantly, so that each click meets it, and skip decoding files.

    For each file, SimCord starts a Python process that imports a video library.
    """
    monkeypatch.setattr(_media, "MAX_QUEUE", 0)
    monkeypatch.setattr(browser, "TICK_S", 0.005)
    monkeypatch.setattr(browser, "PACE", 0.005)


async def until_it_shows(visitor: Visitor, text: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while text not in str(await visitor.look()):  # noqa: ASYNC110 - a page is polled, as its script does
            await asyncio.sleep(0.02)


async def lost_of(actions: int, seed: int) -> list[tuple[int, str, set[str]]]:
    """Act in the playground, on a page that is often outdated. Return the lost actions."""
    choose = random.Random(seed)  # noqa: S311 - no secret
    lost = []
    async with visiting() as visitor:
        for number in range(actions):
            if number % 3 == 0:
                await visitor.look()
            receipt = await visitor.do_something(choose)
            codes = {one["code"] for one in receipt["diagnostics"]}
            if receipt["rejected"] and "stale-context" in codes:
                await visitor.look()
            elif receipt["settlement"] != "settled" and not codes & WITH_A_REASON:
                lost.append((number, receipt["settlement"], codes))

        assert "current" == (await visitor.look())["status"]
    return lost


async def test_no_click_is_lost_while_the_clock_ticks() -> None:
    assert [] == await lost_of(ACTIONS, SEEDS[0])


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_click_of_hundreds_is_lost(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "CLOSURE_MAX", timedelta(seconds=0.2))
    monkeypatch.setattr(_media, "MAX_QUEUE", DECODED_AT_ONCE)

    assert [] == await lost_of(CAMPAIGN_ACTIONS, seed)


def clock_that_waits(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Make the clock's next move wait. Return two events: one set when it begins, one that lets it end."""
    moving, moved = asyncio.Event(), asyncio.Event()
    tick = browser._tick

    async def slow(*args: object) -> None:
        moving.set()
        await moved.wait()
        await tick(*args)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(browser, "_tick", slow)
    return moving, moved


async def test_a_click_waits_until_the_clock_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    moving, moved = clock_that_waits(monkeypatch)
    async with visiting() as visitor:
        await moving.wait()
        click = asyncio.create_task(visitor.run("music help"))
        await visitor.look()
        waited = not click.done()
        moved.set()

        assert waited
        assert "settled" == (await click)["settlement"]


async def test_a_click_that_waits_in_vain_leaves_the_page_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    moving, moved = clock_that_waits(monkeypatch)
    async with visiting() as visitor:
        await moving.wait()
        with monkeypatch.context() as patch:
            patch.setattr(page, "TURN_WAIT_MAX_S", 0.01)
            refused = await visitor.run("music help")
        moved.set()

        assert (True, "request-1") == (refused["rejected"], refused["requestId"])
        assert "settled" == (await visitor.run("music help"))["settlement"]


async def test_a_click_on_a_slightly_outdated_page_counts() -> None:
    async with visiting() as visitor:
        await visitor.run("music create", prompt="rain")
        await until_it_shows(visitor, "'custom_id': 'again:")
        before = dict(visitor.state)
        await visitor.run("music create", prompt="snow")
        await until_it_shows(visitor, "snow")
        visitor.state = before

        assert "settled" == (await visitor.run("music help"))["settlement"]


async def test_a_closed_service_reopens_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "CLOSURE_MAX", timedelta(seconds=0.5))
    async with visiting() as visitor:
        await visitor.run("music create", prompt="rain [closed]")
        await until_it_shows(visitor, "No song this time")
        await asyncio.wait_for(_song_is_taken(visitor), WAIT_S)

    assert timedelta(minutes=15) == breaker.CLOSED_WAIT


async def _song_is_taken(visitor: Visitor) -> None:
    while "'custom_id': 'again:" not in str(await visitor.look()):
        await visitor.run("music create", prompt="rain")
        await asyncio.sleep(0.1)


async def test_the_page_shows_the_real_time_and_the_chosen_language() -> None:
    async with visiting(language="de") as visitor:
        (welcome,) = visitor.state["messages"].values()
        descriptions = [one["description"] for one in await visitor.commands()]
        await visitor.run("music help")
        shown = str(await visitor.look())

    age = datetime.now(UTC) - datetime.fromisoformat(welcome["timestamp"])
    assert timedelta(0) <= age < timedelta(seconds=WAIT_S)
    assert "de" == visitor.state["profile"]["locale"]
    assert any("Song" in text and "deine" in text for text in descriptions)
    assert "Willkommen" in shown


async def test_one_viewer_manages_the_server_and_one_does_not() -> None:
    async with visiting() as visitor:
        theirs = {}
        for viewer in visitor.state["viewers"]:
            await visitor.act("viewer", viewer_id=viewer["id"])
            await visitor.look()
            theirs[viewer["name"]] = {one["path"][0] for one in await visitor.commands()}
        _, html = await visitor.get("/")

    assert {"You": {"music", "privacy", "quota"}, "Mia": {"music", "privacy"}} == theirs
    assert "manager" in html
    assert "/playground.js" in html


async def test_the_page_has_its_style_and_script_and_a_title() -> None:
    async with visiting() as visitor:
        _, html = await visitor.get("/")
        files = [await visitor.get(path) for path in page.OWN_FILES]

    assert "<title>Tunesmith playground</title>" in html
    assert html.index("/playground.css") < html.index("</head>")
    assert [200] * len(page.OWN_FILES) == [status for status, _ in files]


@pytest.mark.parametrize(
    "headers", [{"Host": "tunesmith.example:80"}, {"Origin": "http://tunesmith.example"}, {"Origin": "null"}]
)
async def test_the_page_answers_no_other_site(headers: dict[str, str]) -> None:
    async with visiting() as visitor:
        status, _ = await visitor.get("/api/state", **headers)

    assert 403 == status


def test_the_playground_speaks_every_language_of_the_bot() -> None:
    options = get_type_hints(simulations.playground)["language"]

    assert list(CODES) == list(captions())
    assert CODES == get_args(options)


@pytest.mark.parametrize(
    ("variable", "linked", "zone"),
    [
        ("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"),
        (":Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"),
        ("", "Europe/Berlin", "Europe/Berlin"),
        ("Nowhere/Else", "Nowhere/Else", "UTC"),
    ],
)
def test_times_on_the_page_are_in_this_machines_time_zone(
    variable: str, linked: str, zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "zoneinfo" / linked
    file.parent.mkdir(parents=True)
    file.touch()
    link = tmp_path / "localtime"
    link.symlink_to(file)
    monkeypatch.setattr(browser, "LOCALTIME", link)
    monkeypatch.setenv("TZ", variable)

    assert zone == browser.local_zone()


def _tokens(node: object) -> Iterator[tuple[str, str]]:
    """Yield the parts of the texts on the page: their kinds, and how they are displayed."""
    if isinstance(node, list):
        for one in node:
            yield from _tokens(one)
    elif isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield node["type"], str(node.get("label") or node.get("content") or "")
        for one in node.values():
            yield from _tokens(one)


async def test_embeds_show_commands_people_channels_and_times_by_name() -> None:
    async with visiting(language="en") as visitor:
        friend = visitor.state["viewers"][1]
        await visitor.run("quota member", user=friend["id"], credits="5")
        await visitor.run("music create", prompt="rain")
        for command in ("music help", "quota view", "quota ledger", "music credits"):
            await visitor.run(command)
        shown = {(kind, text) for kind, text in _tokens((await visitor.look())["messages"])}

    assert [] == [text for _, text in shown if re.search(r"<(@|#|/|t:)", text)]
    assert {("command", "/music create"), ("mention", "@Mia")} <= shown


async def test_a_link_that_is_cut_off_in_a_reply_shows_its_text() -> None:
    async with visiting(language="en") as visitor:
        await visitor.run("music create", prompt="rain " * 5)
        async with asyncio.timeout(WAIT_S):
            while "Listen" not in (excerpt := _excerpt(await visitor.look())):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)

    assert "🎵 rain rain rain rain rain for @You · Done · Listen" == excerpt


def _excerpt(state: Mapping[str, Any]) -> str:
    """Return the displayed excerpt of the message to which a song replies."""
    replies = [one["reply"] for one in state["messages"].values() if one["reply"] is not None]
    return "".join(text for one in replies for _, text in _tokens(one.get("excerpt_tokens")))


@pytest.mark.parametrize("queue", [0, DECODED_AT_ONCE])
async def test_audio_is_played_however_many_files_wait_to_be_decoded(
    queue: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_media, "MAX_QUEUE", queue)
    async with visiting(language="en") as visitor:
        await visitor.run("music create", prompt="rain")
        await until_it_shows(visitor, "'custom_id': 'again:")
        kinds = {number: one["contentType"] for number, one in visitor.state["assets"].items()}
        takes = [await visitor.fetch(f"/api/assets/{number}") for number in kinds if "audio" in kinds[number]]

    assert [200, 200] == [status for status, _ in takes]
    assert {b"ID3"} == {audio[:3] for _, audio in takes}
