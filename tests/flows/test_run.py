"""The members' experience with a bot that runs as a process, over real HTTP and a real gateway."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.doubles.discord import Answer, Channel, Message, NoAnswerError, Person, Upload
from tests.doubles.discord.wire import MANAGE_GUILD, MEMBER_PERMISSIONS, READ_MESSAGE_HISTORY
from tests.doubles.music import mp3
from tests.flows.process import PATIENCE_S, BotProcess, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT = "Warm cinematic synth pop with soft drums"
CREDITS = {
    "Allowance": "100 a month",
    "Used": "0",
    "Held for songs": "0",
    "Bonus": "0 (does not expire)",
}
HOSTILE = (
    "[a](b) @everyone @here <@{id}> <@&7> **loud** ||x|| `y` [free](https://evil.example) \u202eevil\u202c"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World.open(tmp_path_factory.mktemp("run")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def bot(world: World) -> AsyncIterator[BotProcess]:
    async with AsyncExitStack() as stack:
        with BotProcess.started_anew():
            started = await stack.enter_async_context(world.bot())
        yield started
        assert 0 == await started.terminate(), started.log
        assert "Traceback" not in started.log
        assert [] == [one for one in world.discord.interactions.values() if one.token in started.log]


@dataclass(frozen=True)
class Told:
    """A song that was requested with a prompt and delivered."""

    channel: Channel
    ada: Person
    card: Answer
    song: Message


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(world: World) -> Told:
    channel, ada = world.room()
    card = await world.discord.slash("music create", prompt=PROMPT, user=ada, channel=channel)
    return Told(channel, ada, card, await world.next_post(channel))


async def credits_told(world: World, channel: Channel, member: Person) -> dict[str, str]:
    """Return the answer of /music credits, without the renewal time."""
    answer = await world.discord.slash("music credits", user=member, channel=channel)
    return {one["name"]: one["value"] for one in answer.embeds[0]["fields"][:4]}


async def custom_form(world: World, channel: Channel, member: Person) -> Answer:
    return await world.discord.slash("music custom", user=member, channel=channel)


async def test_a_command_is_answered_with_its_public_card_in_one_call(world: World, told: Told) -> None:
    calls = [call for call in world.discord.requests if told.card.interaction.token in call.path]

    assert [("POST", 4)] == [(call.method, call.json["type"]) for call in calls]
    assert told.card.message is not None


async def test_a_prompt_is_posted_as_the_documented_example(world: World, told: Told) -> None:
    assert [
        {"provider": "kie", "model": "V5", "prompt": PROMPT, "instrumental": False},
    ] == world.bodies(PROMPT)
    assert PROMPT in told.card.text()


async def test_the_song_is_a_new_message_that_pings_its_member_and_nobody_else(told: Told) -> None:
    assert told.song.content.startswith(told.ada.mention)
    assert {told.ada.id} == told.song.pings
    assert {"parse": [], "users": [told.ada.id]} == told.song.allowed_mentions


async def test_the_song_replies_to_its_card_if_that_is_still_there(world: World, told: Told) -> None:
    asked = world.posts(told.channel)[0].json["message_reference"]

    assert told.card.message is not None
    assert str(told.card.message.id) == str(asked["message_id"])
    assert False is asked["fail_if_not_exists"]


async def test_the_song_brings_both_takes_under_a_nonce_that_discord_enforces(
    world: World, told: Told
) -> None:
    sent = world.posts(told.channel)[0].json

    assert [f"warm-cinematic-synth-pop-with-soft-drums-{take}.mp3" for take in (1, 2)] == [
        one.filename for one in told.song.attachments
    ]
    assert [True, True] == [one.data.endswith(mp3(take)) for take, one in enumerate(told.song.attachments, 1)]
    assert re.fullmatch(r"[A-Z2-7]{25}", sent["nonce"])
    assert True is sent["enforce_nonce"]


async def test_a_delivered_song_is_paid_for_once(world: World, told: Told) -> None:
    assert CREDITS | {"Used": "10"} == await credits_told(world, told.channel, told.ada)


async def test_a_form_is_posted_as_the_documented_example(world: World) -> None:
    channel, ada = world.room()
    form = await custom_form(world, channel, ada)
    words = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights and midnight rain"}
    answer = await world.discord.submit(form, words)
    await world.next_post(channel)

    assert [
        {"provider": "kie", "model": "V5", "customMode": True, **words, "instrumental": False},
    ] == world.bodies("Neon Rain")
    assert answer.message is not None


async def test_an_instrumental_form_is_posted_as_the_documented_example(world: World) -> None:
    channel, ada = world.room()
    form = await custom_form(world, channel, ada)
    words = {"title": "Open Sky", "style": "cinematic ambient"}
    await world.discord.submit(form, words | {"vocals": "instrumental"})
    await world.next_post(channel)

    assert [
        {"provider": "kie", "model": "V5", "customMode": True, **words, "instrumental": True},
    ] == world.bodies("Open Sky")


async def test_forms_of_two_members_at_once_are_two_songs_with_their_own_words(world: World) -> None:
    channel, ada = world.room()
    bea = world.discord.add_person("bea")
    of_ada, of_bea = await asyncio.gather(custom_form(world, channel, ada), custom_form(world, channel, bea))
    cards = await asyncio.gather(
        world.discord.submit(of_bea, {"title": "By Bea", "style": "folk", "lyrics": "b"}),
        world.discord.submit(of_ada, {"title": "By Ada", "style": "jazz", "lyrics": "a"}),
    )
    await world.discord.until(lambda: len(world.discord.posted(channel)) == 2)

    assert ["By Bea", "By Ada"] == [re.findall("By ...", card.text())[0] for card in cards]
    assert {frozenset({ada.id}): "By Ada", frozenset({bea.id}): "By Bea"} == {
        frozenset(song.pings): re.findall("By ...", song.text())[0] for song in world.discord.posted(channel)
    }
    assert [("folk", "b"), ("jazz", "a")] == [
        (body["style"], body["lyrics"]) for title in ("By Bea", "By Ada") for body in world.bodies(title)
    ]


@pytest.mark.parametrize(
    ("title", "data", "lyrics"),
    [
        ("Longest", b"\xc3\xa9" * 5_000, "é" * 5_000),
        ("UTF-16", "Zeile eins\r\nZwei ♪ ä".encode("utf-16"), "Zeile eins\nZwei ♪ ä"),
        ("BOM", b"\xef\xbb\xbfla la\n", "la la"),
    ],
)
async def test_a_lyrics_file_is_sung(world: World, title: str, data: bytes, lyrics: str) -> None:
    channel, ada = world.room()
    form = await custom_form(world, channel, ada)
    given = {"title": title, "style": "choir", "lyrics_file": Upload("words.txt", data)}
    await world.discord.submit(form, given)
    await world.next_post(channel)

    assert [lyrics] == [body["lyrics"] for body in world.bodies(title)]


@pytest.mark.parametrize(
    ("title", "data", "said"),
    [
        ("Too long", b"x" * 5_001, "5,001"),
        ("Binary", b"\x89PNG\r\n\x1a\n\x00\x00", "not plain text"),
        ("UTF-32", "words".encode("utf-32"), "not plain text"),
        ("Blank", b" \r\n ", "empty"),
    ],
)
async def test_a_lyrics_file_that_cannot_be_sung_is_refused_in_private(
    world: World, title: str, data: bytes, said: str
) -> None:
    channel, ada = world.room()
    form = await custom_form(world, channel, ada)
    given = {"title": title, "style": "choir", "lyrics_file": Upload("words.txt", data)}
    refused = await world.discord.submit(form, given)

    assert refused.ephemeral
    assert said in refused.content
    assert CREDITS == await credits_told(world, channel, ada)
    assert [] == world.bodies(title)


async def test_a_prompt_of_501_characters_is_refused_privately_at_no_cost(world: World) -> None:
    channel, ada = world.room()
    refused = await world.discord.slash(
        "music create", prompt="x" * 501, user=ada, channel=channel, unchecked=True
    )

    assert refused.ephemeral
    assert "501" in refused.content
    assert CREDITS == await credits_told(world, channel, ada)
    assert [] == world.bodies("x" * 501)


async def test_a_prompt_that_is_too_long_is_returned_for_shortening(world: World) -> None:
    channel, ada = world.room()
    long = "A long, long story. " * 26
    refused = await world.discord.slash(
        "music create", prompt=long, user=ada, channel=channel, unchecked=True
    )
    form = await world.discord.click(refused, "Edit and try again", user=ada)
    await world.discord.submit(form, {"prompt": "A short story."})
    await world.next_post(channel)

    assert long.strip() in str(form.modal)
    assert 1 == len(world.bodies("A short story."))


async def test_a_form_without_lyrics_is_refused_and_keeps_its_texts(world: World) -> None:
    channel, ada = world.room()
    form = await custom_form(world, channel, ada)
    refused = await world.discord.submit(form, {"title": "No Words Yet", "style": "folk"})
    again = await world.discord.click(refused, "Edit and try again", user=ada)
    await world.discord.submit(again, {"lyrics": "Now I have some"})
    await world.next_post(channel)

    assert refused.ephemeral
    assert "Lyrics are missing" in refused.content
    assert [("No Words Yet", "folk", "Now I have some")] == [
        (body["title"], body["style"], body["lyrics"]) for body in world.bodies("No Words Yet")
    ]
    assert CREDITS | {"Used": "10"} == await credits_told(world, channel, ada)


async def test_two_requests_at_once_spend_the_last_credits_once(world: World) -> None:
    channel, ada = world.room()
    bea = world.discord.add_person("bea")
    keeper = world.discord.add_person("keeper", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
    await world.discord.slash("quota set", credits=10, user=keeper, channel=channel)
    answers = await asyncio.gather(
        *(
            world.discord.slash("music create", prompt="The last one", user=one, channel=channel)
            for one in (ada, bea)
        )
    )
    await world.next_post(channel)

    assert [False, True] == sorted(answer.ephemeral for answer in answers)
    assert ["A song costs 10 credits, and this server has 0 left"] == [
        answer.content.partition(". ")[0] for answer in answers if answer.ephemeral
    ]
    assert 1 == len(world.bodies("The last one"))
    assert CREDITS | {"Allowance": "10 a month", "Used": "10"} == await credits_told(world, channel, ada)


async def test_an_interaction_that_is_delivered_twice_is_one_song(world: World) -> None:
    channel, ada = world.room()
    answer = await world.discord.slash("music create", prompt="Only once", user=ada, channel=channel)
    await world.discord.dispatch(answer.interaction.payload)
    await world.next_post(channel)

    assert CREDITS | {"Used": "10"} == await credits_told(world, channel, ada)
    assert 1 == len(world.bodies("Only once"))
    assert [] == answer.interaction.refusals


async def test_an_answer_that_arrives_too_late_withdraws_the_request(
    world: World, bot: BotProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, ada = world.room()
    monkeypatch.setattr(world.discord, "answer_deadline_s", -1.0)
    with pytest.raises(NoAnswerError, match="10062"):
        await world.discord.slash("music create", prompt="Too late", user=ada, channel=channel)
    monkeypatch.undo()
    await bot.until_said("withdrawn")

    assert CREDITS == await credits_told(world, channel, ada)
    assert [] == world.bodies("Too late")
    assert [] == world.discord.posted(channel)


async def test_a_song_is_not_a_reply_where_the_history_is_unreadable(world: World) -> None:
    channel, ada = world.room()
    channel.bot_permissions &= ~READ_MESSAGE_HISTORY
    await world.discord.slash("music create", prompt="No reply", user=ada, channel=channel)
    song = await world.next_post(channel)

    assert {ada.id} == song.pings
    assert "message_reference" not in world.posts(channel)[0].json


async def test_a_song_is_sent_directly_where_the_channel_accepts_none(world: World) -> None:
    channel, ada = world.room()
    refusing = world.discord.fault("POST", f"/channels/{channel.id}/messages", 403, times=None)
    await world.discord.slash("music create", prompt="To me alone", user=ada, channel=channel)
    song = await world.next_post(world.discord.dm(ada))
    refusing.stop()

    assert [True, True] == [one.data.endswith(mp3(take)) for take, one in enumerate(song.attachments, 1)]
    assert [] == world.discord.posted(channel)
    assert CREDITS | {"Used": "10"} == await credits_told(world, channel, ada)


async def test_a_locked_database_is_reported_in_time_and_costs_nothing(world: World) -> None:
    channel, ada = world.room()
    with closing(sqlite3.connect(world.folder / "tunesmith.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        busy = await world.discord.slash("music create", prompt="Locked", user=ada, channel=channel)
        other.execute("ROLLBACK")

    assert busy.ephemeral
    assert busy.content.startswith("I'm very busy right now. Nothing was charged")
    assert CREDITS == await credits_told(world, channel, ada)
    assert [] == world.bodies("Locked")


async def test_hostile_words_ping_nobody_and_are_shown_as_they_are(world: World) -> None:
    channel, ada = world.room()
    victim = world.discord.add_person("victim")
    words = HOSTILE.format(id=victim.id)
    card = await world.discord.slash("music create", prompt=words, user=ada, channel=channel)
    song = await world.next_post(channel)

    assert card.message is not None
    assert set() == card.message.pings
    assert {"parse": []} == card.message.allowed_mentions
    assert {ada.id} == song.pings
    assert card.content.startswith("🎵 ")
    # Only the bot's own bold around the title and the takes; the member's words add none.
    own_bold = re.compile(rf"(?<=🎵 )\*\*|\*\*(?= for {ada.mention})|\*\*(?=Take)|(?<=Take \d)\*\*")
    for shown in (own_bold.sub("", one.text()) for one in (card, song)):
        assert "\u202e" not in shown
        assert [] == re.findall(r"(?<!\\)[*|`]|(?<!\\)\[[^]]*]\(", shown.partition("\n\n")[0])
        assert "@everyone" not in shown
        assert victim.mention not in shown
    sung = words.replace(victim.mention, "@Victim").replace("<@&7>", "@role")
    assert [sung] == [body["prompt"] for body in world.bodies(sung)]


async def test_the_card_finally_says_that_the_song_is_done(world: World, told: Told) -> None:
    await world.discord.until(lambda: "Done" in told.card.text(), PATIENCE_S, "a card that says so")

    assert f"/{told.channel.id}/{told.song.id})" in told.card.text()
    assert "Expected" not in told.card.text()
