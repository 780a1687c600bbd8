"""Names in place of ids: those that Discord sends, those that must be requested, and the bounds."""

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.model import DiscordUserId, SongRequest
from bot.ui import names

GUILD, CHANNEL, ASKER = 1, 2, 3


class Http:
    """Discord's answers by member, and the requests."""

    def __init__(self, members: dict[int, object], server: object = None) -> None:
        self.members = members
        self.server = server or {}
        self.asked = list[object]()
        self._global_over = asyncio.Event()

    async def get_member(self, _: int, member_id: int) -> object:
        self.asked.append(member_id)
        return await self._answer(self.members.get(member_id, not_found()))

    async def get_guild(self, _: int, *, with_counts: bool) -> object:
        self.asked.append("server" if not with_counts else "server with counts")
        return await self._answer(self.server)

    async def _answer(self, answer: object) -> object:
        if answer == "never":
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


def not_found() -> discord.NotFound:
    return discord.NotFound(SimpleNamespace(status=404, reason="", headers={}), {"code": 10007})


def interaction(http: Http, **resolved: object) -> Any:  # noqa: ANN401 - as much of one as is looked at
    return SimpleNamespace(
        client=SimpleNamespace(http=http),
        data={"resolved": resolved},
        guild_id=GUILD,
        channel_id=CHANNEL,
        channel=SimpleNamespace(name="jam"),
        user=SimpleNamespace(id=ASKER, display_name="Mia"),
    )


async def named(asked: Any, text: str) -> str:  # noqa: ANN401 - see above
    return (await names.with_names(asked, SongRequest(model="V5", prompt=text))).prompt


async def test_names_included_in_the_interaction_are_not_requested() -> None:
    http = Http({})
    asked = interaction(
        http,
        users={
            "7": {"username": "ann", "global_name": "Ann"},
            "8": {"username": "bo"},
            "9": {"username": "c"},
        },
        members={"7": {"nick": "Annie"}, "8": {"nick": None}},
        roles={"5": {"name": "Band"}},
        channels={"4": {"name": "stage"}},
    )

    text = await named(asked, f"<@7> <@8> <@9> <@{ASKER}> <@&5> <@&{GUILD}> <#4> <#{CHANNEL}>")

    assert "@Annie @bo @c @Mia @Band @everyone #stage #jam" == text
    assert [] == http.asked


async def test_a_request_without_mentions_looks_up_nothing() -> None:
    http = Http({})

    assert "rain <3 :pepe: #channel" == await named(interaction(http), "rain <3 <:pepe:1> <#99>")
    assert [] == http.asked


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"nick": "Annie", "user": {"username": "ann"}}, "@Annie"),
        ({"user": {"global_name": "Ann", "username": "ann"}}, "@Ann"),
        ({"nick": "\u3164", "user": None}, "@member"),
        ({}, "@member"),
        (not_found(), "@member"),
        (TimeoutError(), "@member"),
        ("never", "@member"),
    ],
    ids=repr,
)
async def test_a_member_is_named_by_discord_if_it_answers_in_time(
    answer: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "REQUEST_S", 0.01 if answer == "never" else 10.0)
    http = Http({7: answer})

    assert f"for {name}" == await named(interaction(http), "for <@7>")
    assert [7] == http.asked
    assert (answer == "never") == http._global_over.is_set()


async def test_the_number_of_looked_up_members_is_bounded() -> None:
    http = Http({number: {"nick": f"No. {number}"} for number in range(100, 200)})

    text = await named(interaction(http), " ".join(f"<@{number}>" for number in range(100, 200)) + " <@&6>")

    assert names.LOOKED_UP_MAX + 1 == len(http.asked)
    assert 100 - names.LOOKED_UP_MAX == text.count("@member")
    assert text.endswith("@role")


async def test_members_in_a_ledger_are_looked_up_if_no_name_is_stored() -> None:
    http = Http({8: {"nick": "Ben"}}, {"name": "Garage", "roles": [{"id": "5", "name": "Band"}]})

    found = await names.of_ledger(interaction(http), {DiscordUserId(7): "Ann", DiscordUserId(8): ""})

    assert [8, "server"] == http.asked
    assert {7: "Ann", 8: "Ben", ASKER: "Mia"} == found.members
    assert ("Garage", "Band") == (found.servers[GUILD], found.roles[5])
