"""A request's texts once its job is queued, whichever way they arrived."""

import asyncio

import pytest

from bot.database.sqlite import Database
from bot.errors import StoreBusy
from bot.model import SongRequest
from bot.refusals import TextMissing, TextTooLong
from bot.services.intake import Intake
from tests import make

NAMES = ("prompt", "title", "style", "lyrics", "avoid")
BLANK = "\u200b\u3164\u2800"
CUSTOM: dict[str, str] = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights"}


def intake(database: Database, clock: make.Clock) -> Intake:
    return Intake(database, make.terms(extras=True), now=clock, woken=lambda: None)


@pytest.mark.parametrize("custom", [True, False])
async def test_no_discord_id_is_sent_with_a_request(
    database: Database, clock: make.Clock, *, custom: bool
) -> None:
    typed = "for <@123456789012345678>, <@&5> in <#6>\r\n<a:pepe:7>"
    request = SongRequest(model="V5", custom=custom, **dict.fromkeys(NAMES, typed))  # type: ignore[arg-type]

    accepted = await intake(database, clock).accept(request, make.origin())

    assert accepted is not None
    texts = {getattr(accepted.job.request, name) for name in NAMES}
    assert {"for @member, @role in #channel\n:pepe:"} == texts


async def test_only_an_interactions_first_delivery_answers_it(database: Database, clock: make.Clock) -> None:
    taking = intake(database, clock)
    request, origin = SongRequest(model="V5", prompt="rain"), make.origin()

    accepted = await asyncio.gather(*(taking.accept(request, origin) for _ in range(3)))

    assert [True, False, False] == [one is not None for one in accepted]


async def test_a_second_delivery_cannot_overtake_an_abandoned_first(
    database: Database, clock: make.Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking, write = intake(database, clock), database.write
    request, origin = SongRequest(model="V5", prompt="rain"), make.origin()
    second: list[object] = []

    async def gives_up(_: object) -> object:
        monkeypatch.setattr(database, "write", write)  # the second delivery would succeed
        second.append(await taking.accept(request, origin))
        raise StoreBusy("the writer was busy", 5.0)

    monkeypatch.setattr(database, "write", gives_up)
    with pytest.raises(StoreBusy):
        await taking.accept(request, origin)

    assert [None] == second
    assert await taking.accept(request, origin) is None


@pytest.mark.parametrize("field", CUSTOM)
@pytest.mark.parametrize("typed", [BLANK, "<sound:1:2>", "\u0301\u0302"])
async def test_a_custom_request_with_a_blank_text_is_refused(
    database: Database, clock: make.Clock, field: str, typed: str
) -> None:
    request = SongRequest(model="V5", custom=True, **(CUSTOM | {field: typed}))  # type: ignore[arg-type]

    with pytest.raises(TextMissing) as refused:
        await intake(database, clock).accept(request, make.origin())

    assert field == refused.value.field


async def test_a_blank_prompt_is_refused(database: Database, clock: make.Clock) -> None:
    with pytest.raises(TextMissing) as refused:
        await intake(database, clock).accept(SongRequest(model="V5", prompt=BLANK), make.origin())

    assert "prompt" == refused.value.field


async def test_a_line_break_counts_once_whatever_its_kind(database: Database, clock: make.Clock) -> None:
    lines = "\r\n".join(["x" * 9] * 500)
    request = SongRequest(model="V5", custom=True, **(CUSTOM | {"lyrics": lines}))  # type: ignore[arg-type]

    accepted = await intake(database, clock).accept(request, make.origin())

    assert accepted is not None
    assert lines.replace("\r\n", "\n") == accepted.job.request.lyrics
    with pytest.raises(TextTooLong) as refused:
        await intake(database, clock).accept(
            SongRequest(model="V5", custom=True, **(CUSTOM | {"lyrics": f"{lines}\r\nab"})),  # type: ignore[arg-type]
            make.origin(interaction_id=2),
        )
    assert (5_002, 5_000) == (refused.value.length, refused.value.limit)


async def test_a_draft_keeps_what_was_typed(database: Database, clock: make.Clock) -> None:
    origin = make.origin()
    drafts = intake(database, clock)
    request = SongRequest(model="V5", prompt="for <@123456789012345678>\r\nrain")

    request_again, _ = await drafts.draft(
        await drafts.keep_draft(request, origin.member_id), origin.member_id
    )

    assert "for <@123456789012345678>\nrain" == request_again.prompt
