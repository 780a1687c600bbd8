"""Hostile input from members: it neither pings, formats nor overspends, and none of it is lost."""

import asyncio
import codecs
import re
from http import HTTPStatus

import pytest
import simcord

from bot.database.sqlite import Database
from bot.model import GuildId, Job, JobState
from bot.playground.world import World
from bot.refusals import NotEnoughCredits, TooManyOpenJobs
from bot.sandbox.faults import ENDINGS, REFUSALS, FaultKind
from bot.services.intake import Intake
from bot.store.reconcile import reconcile
from tests import make
from tests.faults import simulated
from tests.faults.promise import assert_survived
from tests.faults.simulated import Sent, sent
from tests.flows.seen import buttons, choose, posted, said, until
from tests.unit.pipeline.rig import Rig

DONE = JobState.DELIVERED
TEXT_INPUT = 4

world = simulated.world

# -- texts with special effects

FORCE = {
    "pings": [
        *("@everyone", "@here", "<@9001>", "<@!9001>", "<@&7001>", "<#8001>", "<id:guide>"),
        *("@\u200beveryone", "@\u2060here", "<\u200b@9001>"),
    ],
    "marks": [
        *("**loud**", "__under__", "~~gone~~", "||hidden||", "*it*", "_low_", "[free](https://x.example)"),
        *(
            "[a [b](https://y.example)](z)",
            "<https://x.example>",
            "<:grin:1>",
            "</music create:1>",
            "<t:0:R>",
        ),
    ],
    "lines and fences": [
        *("# head", "\n# head", "\n-# small", "\n> quoted", "\n>>> all", "\n- item", "\n1. one"),
        *("`code`", "``two``", "```\nfenced\n```", "````", "`\u200b``"),
    ],
    "invisible characters": [
        *("\u202egnp.exe", "\u2066in\u2069", "\u200fmark", "\u061cmark", "a\u200bb", "\u2060", "\ufeff"),
        *("\u00ad", "\u180e", "\U000e0041", "\x1b[31m", "\x7f", "a\x00b"),
        *("Z\u0351\u0352\u0353\u0354\u0355algo", "e" + "\u0301" * 40, "\u20dd\u20dd\u20dd\u20ddx"),
    ],
}
PINGS = re.compile(r"@(?:everyone|here)|(?<!\\)<(?:@|#|id:)")
UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0041]"
)
STACKED = re.compile("[\u0300-\u036f\u20dd]{3}")
FORMATS = [
    re.compile(
        f"^(?:> )?{re.escape(mark[1:])}" if mark[0] == "\n" else rf"(?<!\\){re.escape(mark)}", re.MULTILINE
    )
    for kind in ("marks", "lines and fences")
    for mark in FORCE[kind]
]


def assert_quiet(one: Sent, member_id: int) -> None:
    """Assert that it pings nobody but the member, and has no formatting other than the bot's own."""
    allowed = one.body.get("allowed_mentions", {"parse": None})
    # Embeds ping nobody, and an edit without content keeps the message's.
    if one.body.get("content") or (one.text and one.method == "POST"):
        assert [] == allowed["parse"], one
        assert {*allowed.get("users", []), *allowed.get("roles", [])} <= {member_id}
    text = one.text.replace("@\u200b", "@ ").replace(f"<@{member_id}>", "")
    assert [] == UNSEEN.findall(text)
    assert [] == STACKED.findall(text)
    shown = text
    if fenced := re.fullmatch("```\n(.*)\n```", text, re.DOTALL):
        assert "```" not in fenced[1]
        shown = ""
    assert [] == PINGS.findall(shown)
    assert [] == [pattern.pattern for pattern in FORMATS if pattern.search(shown)]


@pytest.mark.parametrize("kind", FORCE)
async def test_words_ping_nobody_and_format_nothing_wherever_they_are_shown(
    kind: str, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = " ".join([*FORCE[kind], "last"])
    monkeypatch.setitem(ENDINGS, FaultKind.FAIL, ("failed", hostile))
    refusal = f"sensitive words: {hostile}"
    monkeypatch.setitem(REFUSALS, FaultKind.MODERATED, (HTTPStatus.BAD_REQUEST, refusal))
    mia = world.add_member("Mia", manager=True)
    prompt = " ".join(hostile.splitlines())  # several lines would count as lyrics

    await mia.slash(world.channel, "music create", prompt=prompt)
    form = await mia.slash(world.channel, "music custom")
    words = {"title": hostile[:80], "style": hostile, "lyrics": hostile, "vocals": "with_vocals"}
    await mia.submit_modal(form, words)
    songs = await posted(world, 2)
    for song in songs:
        text = [one for one in buttons(song) if one.label == "Lyrics"]
        await (mia.click(song, label="Lyrics") if text else choose(mia, song, "Prompt"))
        await choose(mia, song, "Send to me")
    await mia.slash(world.channel, "music history", search="last")
    await mia.slash(world.channel, "music get", song="last")
    await mia.slash(world.channel, "music history", search=hostile[:50])
    await mia.slash(world.channel, "privacy view")
    for order in ("[fail]", "[moderated]"):
        await mia.slash(world.channel, "music create", prompt=f"{order} {prompt}")
    await mia.slash(world.channel, "music status")
    await posted(world, 4)
    form = await mia.slash(world.channel, "music custom")
    await mia.submit_modal(form, words | {"lyrics": ""})
    await mia.slash(world.channel, "quota grant", credits=1, reason=hostile[:200])
    await until(world, lambda: len({one.path for one in sent(world) if "No song this time" in one.text}) >= 2)

    # At least: cards, final edits, texts of the songs, last edits of two cards, a refusal and a grant.
    assert 4 + 4 + 2 + 2 + 1 + 1 <= len(sent(world))
    assert 8 <= sum("last" in one.text for one in sent(world))
    for one in sent(world):
        assert_quiet(one, mia.id)
    assert [] == UNSEEN.findall("".join(record.getMessage() for record in caplog.records))


# -- lyrics

WORDS: dict[str, object] = {"title": "Neon Rain", "style": "synthwave", "vocals": "with_vocals"}
SUNG = {
    "4,000 in the form": ("x" * 4_000, None, "x" * 4_000),
    "5,000 in the file": ("", b"x" * 5_000, "x" * 5_000),
    "5,000 of four bytes each": ("", "🎵".encode() * 5_000, "🎵" * 5_000),
    "5,000 in UTF-16": ("", ("♪" * 5_000).encode("utf-16"), "♪" * 5_000),
    "5,000 between blank lines": ("", b"\n \r\n" + b"x" * 5_000 + b"\r\n\n", "x" * 5_000),
    "big-endian UTF-16": ("", codecs.BOM_UTF16_BE + "Städte".encode("utf-16-be"), "Städte"),
    "UTF-8 with a BOM": ("", codecs.BOM_UTF8 + "夜の雨".encode(), "夜の雨"),
    "lines of another system": ("", b"one\r\ntwo\rthree\n", "one\ntwo\nthree"),
    "a file in place of the field": ("typed", b"handed in", "handed in"),
}
"""By title: typed text, uploaded file, and lyrics as sung."""


def files(data: bytes | None) -> dict[str, object]:
    return {} if data is None else {"lyrics_file": [("words.txt", data)]}


async def test_lyrics_up_to_the_limit_are_sung_in_full_however_submitted(world: World) -> None:
    ada = world.add_member("Ada", manager=True)
    await ada.slash(world.channel, "quota grant", credits=1_000, reason="a long evening")

    for count, (title, (typed, data, _)) in enumerate(SUNG.items(), start=1):
        form = await ada.slash(world.channel, "music custom")
        await ada.submit_modal(form, WORDS | {"title": title, "lyrics": typed} | files(data))
        await posted(world, count)

    assert {title: sung for title, (_, _, sung) in SUNG.items()} == {
        body["title"]: body["lyrics"] for body in world.sandbox.requests
    }


TOO_LONG, NO_TEXT, EMPTY, TOO_BIG = "5,001", "not plain text", "is empty", "5,000"
REFUSED = {
    "5,001 in the file": (b"x" * 5_001, TOO_LONG),
    "5,001 of four bytes each": ("🎵".encode() * 5_001, TOO_LONG),
    "5,001 in UTF-16": (("♪" * 5_001).encode("utf-16"), TOO_LONG),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), NO_TEXT),
    "a song": (b"ID3\x04\x00\x00" + bytes(range(256)), NO_TEXT),
    "UTF-32": ("words".encode("utf-32"), NO_TEXT),
    "half a character of UTF-16": (codecs.BOM_UTF16_LE + b"w\x00o", NO_TEXT),
    "half an emoji": (codecs.BOM_UTF16_LE + b"\x3c\xd8", NO_TEXT),
    "a page": (b"<!DOCTYPE html><p>words</p>", NO_TEXT),
    "a document": (rb"{\rtf1 words}", NO_TEXT),
    "nothing that is seen": ("\u200b\u3164".encode(), EMPTY),
    "nothing": (b"", EMPTY),
    "blank lines": (b" \r\n\t\n", EMPTY),
    "a mark and nothing else": (codecs.BOM_UTF8, EMPTY),
    "the same in UTF-16": (codecs.BOM_UTF16_BE, EMPTY),
    "32 KiB and a byte": (b"x" * (32 * 1024 + 1), TOO_BIG),
    "25 MiB": (bytes(25 << 20), TOO_BIG),
    "no lyrics at all": (None, "Lyrics are missing"),
}


async def test_unusable_lyrics_are_refused_with_the_reason_and_the_form_filled(
    world: World,
) -> None:
    mia = world.add_member("Mia")
    told, kept = {}, {}

    for title, (data, reason) in REFUSED.items():
        form = await mia.slash(world.channel, "music custom")
        refused = await mia.submit_modal(form, WORDS | {"title": title, "lyrics": ""} | files(data))
        assert refused.ephemeral
        told[title] = (
            reason if reason in said(refused) and "Nothing was charged" in said(refused) else said(refused)
        )
        kept[title] = await form_again(mia, refused)

    assert {title: reason for title, (_, reason) in REFUSED.items()} == told
    assert {title: WORDS | {"title": title, "lyrics": None} for title in REFUSED} == kept
    assert "100 credits" in said(await mia.slash(world.channel, "music credits"))
    assert [] == world.sandbox.requests


GUESSED = {
    "UTF-16 without a mark": ("words".encode("utf-16-le"), "UTF-16", "words"),
    "Latin-1": ("Städte".encode("latin-1"), "Windows-1252", "Städte"),
    "Cyrillic": ("Привет, мир".encode("cp1251"), "Windows-1251", "Привет, мир"),
    "Chinese": ("床前明月光\r\n疑是地上霜".encode("gbk"), "GBK", "床前明月光\n疑是地上霜"),
}
"""By title: uploaded bytes, their encoding, and their text."""


async def test_lyrics_in_a_guessed_encoding_are_shown_before_they_are_paid(world: World) -> None:
    mia = world.add_member("Mia")
    seen, kept = {}, {}

    for title, (data, _, _) in GUESSED.items():
        form = await mia.slash(world.channel, "music custom")
        shown = await mia.submit_modal(form, WORDS | {"title": title, "lyrics": ""} | files(data))
        encoding = re.search("I read it as ([^.]+)[.]", said(shown))
        assert shown.ephemeral
        assert "Nothing was charged" in said(shown)
        seen[title] = encoding and encoding[1]
        assert shown.response is not None
        form = await mia.click(shown.response.message, label="Check the lyrics")
        assert form.modal is not None
        kept[title] = form.modal["components"][2]["component"]["value"]
    assert [] == world.sandbox.requests
    await mia.submit_modal(form, WORDS | {"title": title, "lyrics": kept[title]})
    await posted(world)

    assert {title: encoding for title, (_, encoding, _) in GUESSED.items()} == seen
    assert {title: text for title, (_, _, text) in GUESSED.items()} == kept
    assert [kept[title]] == [request["lyrics"] for request in world.sandbox.requests]


async def form_again(mia: simcord.MemberActor, refused: simcord.InteractionResult) -> dict[str, object]:
    """Return the contents of the form opened by the button under a refusal."""
    assert refused.response is not None
    opened = await mia.click(refused.response.message, label="Edit and try again")
    assert opened.modal is not None
    fields = [label["component"] for label in opened.modal["components"]]
    filled = {field["custom_id"]: field.get("value") for field in fields if field["type"] == TEXT_INPUT}
    (vocals,) = (field["options"] for field in fields if field["custom_id"] == "vocals")
    return filled | {"vocals": next(option["value"] for option in vocals if option.get("default"))}


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\x00", b"", b"x" * 40_000, b"x" * 5_001],
    ids=["no text", "empty", "too big", "5,001 characters"],
)
async def test_typed_lyrics_are_returned_if_the_file_next_to_them_is_refused(
    data: bytes, world: World
) -> None:
    mia = world.add_member("Mia")
    words = WORDS | {"lyrics": "City lights\nand midnight rain"}
    form = await mia.slash(world.channel, "music custom")

    refused = await mia.submit_modal(form, words | files(data))

    assert words == await form_again(mia, refused)


async def test_lyrics_of_5001_characters_are_kept_in_the_form_until_replaced(world: World) -> None:
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")
    refused = await mia.submit_modal(form, WORDS | {"lyrics": ""} | files(b"x" * 5_001))
    assert refused.response is not None
    again = await mia.click(refused.response.message, label="Edit and try again")

    unchanged = await mia.submit_modal(again, WORDS | {"lyrics": ""})
    assert unchanged.response is not None
    again = await mia.click(unchanged.response.message, label="Edit and try again")
    await mia.submit_modal(again, WORDS | {"lyrics": "short"})
    await posted(world)

    assert "5,001" in said(unchanged)
    assert ["short"] == [body["lyrics"] for body in world.sandbox.requests]


# -- many at once


@pytest.mark.parametrize(
    ("allowance", "bonus", "passes"),
    [(10, 0, 1), (0, 10, 1), (4, 6, 1), (19, 0, 1), (9, 0, 0), (25, 0, 2), (0, 39, 3)],
)
async def test_a_hundred_requests_at_once_spend_the_remaining_credits_once(
    allowance: int, bonus: int, passes: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.credits.set_allowance(make.GUILD, allowance, None, make.entry())
    if bonus:
        await rig.credits.grant(make.GUILD, bonus, make.entry("for tonight"))

    ends = await asyncio.gather(
        *(rig.ask(origin=make.origin(member_id=9_000 + member)) for member in range(100)),
        return_exceptions=True,
    )
    taken = [end for end in ends if isinstance(end, Job)]
    for job in taken:
        await rig.until(job, DONE)

    assert (passes, 100 - passes) == (len(taken), sum(isinstance(end, NotEnoughCredits) for end in ends))
    assert allowance + bonus - 10 * passes == (await rig.balance()).available
    await assert_survived(rig, caplog, *taken, says="delivered")


async def test_a_hundred_requests_at_once_in_two_servers_do_not_mix(rig: Rig) -> None:
    servers = (make.GUILD, GuildId(make.GUILD + 1))
    for guild in servers:
        await rig.credits.set_allowance(GuildId(guild), 10, None, make.entry())

    ends = await asyncio.gather(
        *(rig.ask(origin=make.origin(guild_id=guild)) for guild in servers * 100), return_exceptions=True
    )

    assert sorted(servers) == sorted(end.origin.guild_id for end in ends if isinstance(end, Job))
    assert () == (await rig.database.read(reconcile)).findings


@pytest.fixture
def intake(database: Database, rig: Rig) -> Intake:
    """An intake that enforces the caps: two songs per member, ten per server."""
    rig.intake = Intake(database, make.terms(), now=rig.clock, woken=lambda: None)
    return rig.intake


def outcomes(ends: list[Job | BaseException]) -> tuple[int, set[tuple[str, int]]]:
    """Return the number of accepted jobs, and the caps that stopped the others."""
    refusals = [end for end in ends if isinstance(end, TooManyOpenJobs)]
    taken = sum(isinstance(end, Job) for end in ends)
    assert len(ends) == taken + len(refusals), ends
    return taken, {(refusal.scope, refusal.limit) for refusal in refusals}


@pytest.mark.usefixtures("intake")
async def test_fifty_concurrent_requests_of_one_member_stay_within_the_cap(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    first = await asyncio.gather(*(rig.ask() for _ in range(50)), return_exceptions=True)
    taken = [end for end in first if isinstance(end, Job)]
    for job in taken:
        await rig.until(job, DONE)
    second = await asyncio.gather(*(rig.ask() for _ in range(50)), return_exceptions=True)
    late = [end for end in second if isinstance(end, Job)]
    for job in late:
        await rig.until(job, DONE)

    assert [(2, {("member", 2)}), (2, {("member", 2)})] == [outcomes(first), outcomes(second)]
    await assert_survived(rig, caplog, *taken, *late, says="delivered")


@pytest.mark.usefixtures("intake")
async def test_fifty_concurrent_members_stay_within_their_servers_cap(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())

    ends = await asyncio.gather(
        *(rig.ask(origin=make.origin(member_id=9_000 + member)) for member in range(50)),
        return_exceptions=True,
    )

    assert (10, {("guild", 10)}) == outcomes(ends)
    assert 100 == (await rig.balance()).held


async def test_fifty_commands_of_one_member_are_two_songs_and_48_refusals(
    world: World,
) -> None:
    mia = world.add_member("Mia")
    world.sandbox.delay_s = 3_600.0

    answers = [await mia.slash(world.channel, "music create", prompt=f"song {n}") for n in range(50)]
    await until(world, lambda: len(world.sandbox.requests) == 2)

    assert [False] * 2 + [True] * 48 == [answer.ephemeral for answer in answers]
    assert {"You already have 2 songs in progress, which is the limit."} == {
        said(answer).split(" Wait")[0] for answer in answers[2:]
    }
    assert ["song 0", "song 1"] == sorted(str(body["prompt"]) for body in world.sandbox.requests)
    assert "80 credits" in said(await mia.slash(world.channel, "music credits"))
