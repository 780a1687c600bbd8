"""Forged and stale buttons, forms and options on the simulated Discord: one sentence, nothing spent."""

import random
from collections.abc import Iterator
from typing import Any

import discord
import pytest
import simcord

from bot.playground.world import World
from bot.ui.discord_client import BUTTONS
from tests.faults.simulated import assert_books_balance
from tests.flows.forger import Forger, is_private_sentence, rows
from tests.flows.seen import button, posted

SEED = 20261126
MUTATIONS = 4
"""Number of random mutations of each valid custom_id."""
SOME = 100
ALL = pytest.param(None, marks=pytest.mark.campaign)
"""Number of forgeries to try: a few by default, all of them in .ci/run."""
HUGE = 2**63
NUMBERS = (
    *("", "0", "-1", "+1", "007", "1 ", " 1", "1.0", "1e3", "0x1", "1_0", "\u0661\u0662", "\uff11", "\u00b2"),
    *(str(HUGE - 1), str(HUGE), str(2**64), "9" * 40, "null", "1\n", "%d", "1;DROP TABLE job"),
)
"""Replacements for a number."""


def valid_ids(job_id: int, member_id: int) -> list[str]:
    """Return a custom_id of every button, for this job or this member."""
    about_job = (
        "lyrics",
        "words",
        "asked",
        "again",
        "retry",
        "remix",
        "edit",
        "post",
        "cancel",
        "send",
        "delete",
        "write",
        "like",
        "dislike",
    )
    return [
        *(f"{name}:{job_id}" for name in about_job),
        f"again:{job_id}:10",
        f"songs:older:{job_id}:rain",
        f"ledger:newer:{job_id}:hold:{member_id}",
        f"unlimit:member:{member_id}",
        f"unlimit:role:{member_id}",
        "top:2",
        "erase",
    ]


def forged_ids(job_id: int, member_id: int, rng: random.Random) -> Iterator[str]:
    """Yield custom_ids that the bot never puts into a message."""
    yield from ("", ":", "v2", "lyrics", "lyrics:", "erase:", "Erase", "x" * 100)
    for valid in valid_ids(job_id, member_id):
        parts = valid.split(":")
        for at in range(1, len(parts)):
            if parts[at].isdecimal():
                yield from (":".join([*parts[:at], number, *parts[at + 1 :]]) for number in NUMBERS)
        yield from (f"v2:{valid}", f"{valid}:v2", f"{valid}:", valid.upper(), valid[:-1] + "\u0660")
        for _ in range(MUTATIONS):
            start = rng.randrange(len(valid))
            yield valid[:start] + rng.choice(["", "\0", "\u202e", "9" * 30, ":"]) + valid[start + 1 :]


@pytest.fixture
def forger(world: World) -> Forger:
    return Forger(world)


async def pressed(world: World, forger: Forger) -> tuple[simcord.MemberActor, dict[str, Any], int]:
    """Return a manager, the event of their button press on their song, and its job's id."""
    mia = world.add_member("Mia", manager=True)
    await mia.slash(world.channel, "music create", prompt="slow rain")
    (song,) = await posted(world)
    await mia.click(song, label="Remix (10 credits)")
    press = forger.event(discord.InteractionType.component)
    job_id = int((button(song, "remix").custom_id or "").partition(":")[2])
    return mia, press, job_id


@pytest.mark.parametrize("tried", [SOME, ALL])
async def test_forged_buttons_get_one_private_sentence_and_change_nothing(
    tried: int | None, world: World, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    mia, press, job_id = await pressed(world, forger)
    before = await rows(world)

    rng = random.Random(SEED)  # noqa: S311 - a repeatable test
    public = []
    forged = [*forged_ids(job_id + 1, mia.id + 1, rng)]
    for custom_id in forged if tried is None else rng.sample(forged, tried):
        answer = await forger.send(press, custom_id=custom_id)
        if not is_private_sentence(answer) and not custom_id.startswith(
            ("songs:", "ledger:", "unlimit:", "top:")
        ):
            public.append((custom_id, answer))

    assert [] == public
    assert before == await rows(world)
    assert [] == [record for record in caplog.records if record.exc_info]
    await assert_books_balance(world)


async def test_another_servers_button_acts_like_one_of_no_song(world: World, forger: Forger) -> None:
    mia, press, job_id = await pressed(world, forger)
    elsewhere = world.env.create_guild("Elsewhere")
    press["guild_id"] = str(elsewhere.id)
    before = await rows(world)

    differing = []
    for custom_id in valid_ids(job_id, mia.id)[:-1]:
        nothing = custom_id.replace(str(job_id), str(job_id + 1))
        foreign, missing = await forger.send(press, custom_id=custom_id), None
        missing = await forger.send(press, custom_id=nothing)
        if foreign != missing:
            differing.append((custom_id, foreign, missing))

    assert [] == differing
    assert before == await rows(world)


async def test_forged_forms_return_the_typed_text_and_spend_nothing(
    world: World, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")
    await mia.submit_modal(form, {"title": "T", "style": "polka", "lyrics": "la la", "vocals": "with_vocals"})
    (song,) = await posted(world)
    job_id = int((button(song, "remix").custom_id or "").partition(":")[2])
    submission = forger.event(discord.InteractionType.modal_submit)
    before = await rows(world)
    of = [f"song:custom:{of}{number}:V5" for of in ("draft", "remix") for number in NUMBERS]
    forged = [*of, "", "song", "song:prompt", "song:other::V5", "song:custom::", "v2:song:custom::V5"]

    answers = [await forger.send(submission, custom_id=custom_id) for custom_id in forged]
    elsewhere = submission | {"guild_id": str(world.env.create_guild("Elsewhere").id)}
    foreign = await forger.send(elsewhere, custom_id=f"song:custom:remix{job_id}:V5")
    missing = await forger.send(elsewhere, custom_id=f"song:custom:remix{job_id + 1}:V5")

    assert [] == [answer for answer in answers if not is_private_sentence(answer)]
    assert all("words.txt" in str(answer) for answer in answers)
    assert foreign["data"]["content"] == missing["data"]["content"]
    assert before == await rows(world)
    assert [] == [record for record in caplog.records if record.exc_info]


VALUES: dict[int, tuple[object, ...]] = {
    3: ("", "decade", "\0", "\u202e" * 100, "x" * 6_000, 5, None, True, [], {}),
    4: (-HUGE, HUGE, 2**200, -1, "5", 1.5, None, True, [], {}),
    5: ("yes", 1, None, [], {}),
    6: (*NUMBERS, 5, None, "4242", [], {}),
    7: (*NUMBERS, 5, None, "4242"),
    8: (*NUMBERS, 5, None, "4242"),
}
"""Forged values by option type."""


def options_of(world: World) -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    """Yield every option: its group, command, itself, and all required options of the command."""
    for group in world.parts.client.tree.get_commands():
        for command in group.to_dict(world.parts.client.tree)["options"]:
            required = [option for option in command.get("options", []) if option.get("required")]
            for option in command.get("options", []):
                yield group.name, command["name"], option, required


VALID = {3: "rain", 4: 5, 5: True}


@pytest.mark.parametrize("tried", [2, ALL])
async def test_forged_option_values_get_one_private_sentence_and_change_nothing(
    tried: int | None, world: World, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    mia = world.add_member("Mia", manager=True)
    await mia.slash(world.channel, "music help")
    event = forger.event(discord.InteractionType.application_command)
    free = {
        ("music", "create", "prompt"),
        ("music", "history", "search"),
        ("quota", "refund", "job"),
        ("quota", "words", "add"),
        ("quota", "words", "remove"),
    }
    before = await rows(world)

    rng = random.Random(SEED)  # noqa: S311 - a repeatable test
    public = []
    for group, command, option, required in options_of(world):
        values = VALUES[option["type"]]
        for value in values if tried is None else rng.sample(values, tried):
            if (
                isinstance(value, str)
                and option["type"] == 3
                and ((group, command, option["name"]) in free or option["name"] in ("reason", "model"))
            ):
                continue  # any text is valid, and the draft is kept for an unknown model
            if value == -1 and option["name"] == "credits" and command == "grant":
                continue
            given = [
                {"name": one["name"], "type": one["type"], "value": VALID.get(one["type"], "4242")}
                for one in required
                if one["name"] != option["name"]
            ]
            given.append({"name": option["name"], "type": option["type"], "value": value})
            answer = await forger.send(
                event, name=group, options=[{"name": command, "type": 1, "options": given}]
            )
            if not is_private_sentence(answer):
                public.append((group, command, option["name"], value, answer))

    assert [] == public
    assert before == await rows(world)
    assert [] == [record for record in caplog.records if record.exc_info]


async def test_unknown_commands_and_options_get_one_private_sentence(
    world: World, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    mia = world.add_member("Mia", manager=True)
    await mia.slash(world.channel, "music help")
    event = forger.event(discord.InteractionType.application_command)
    extra = [{"name": "volume", "type": 4, "value": 11}]

    answers = [
        await forger.send(event, name="melody", options=[]),
        await forger.send(event, name="music", options=[]),
        await forger.send(event, name="music", options=[{"name": "sing", "type": 1}]),
        await forger.send(event, name="quota", options=[{"name": "view", "type": 1, "options": extra}]),
    ]

    assert [True] * 4 == [is_private_sentence(answer) for answer in answers]
    assert [] == [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("command", [("music", "get", "song"), ("quota", "refund", "job")])
async def test_anything_typed_into_an_autocompletion_is_answered_with_choices(
    command: tuple[str, str, str], world: World, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    mia = world.add_member("Mia", manager=True)
    await mia.slash(world.channel, "music help")
    group, name, option = command
    event = forger.event(discord.InteractionType.application_command)
    event |= {"type": discord.InteractionType.autocomplete.value}

    answers = []
    for value in (*NUMBERS, "x" * 6_000, "\0", "\ud800", "%", "_", "'", "#1234", "a · #99999999999999999999"):
        given = {"name": option, "type": 3, "value": value, "focused": True}
        options = [{"name": name, "type": 1, "options": [given]}]
        answers.append(await forger.send(event, name=group, options=options))

    assert {discord.InteractionResponseType.autocomplete_result.value} == {one["type"] for one in answers}
    assert [] == [record for record in caplog.records if record.exc_info]


def test_every_button_is_among_the_forged_ones() -> None:
    ids = valid_ids(5, 6)

    matched = {kind for kind in BUTTONS for custom_id in ids if kind.pattern.fullmatch(custom_id)}
    assert set(BUTTONS) == matched
