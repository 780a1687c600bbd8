"""The pipeline between the music service's double and a Discord on a socket, with the bot's real client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import discord
import pytest

from bot.database.facts import COMMANDS_FACT, fact, remember
from bot.database.sqlite import Tx
from bot.model import Job, MessageId, SongRequest
from bot.music.clients import MusicClients
from bot.ops.supervisor import supervise
from bot.pipeline.courier import MessageKind
from bot.services.lyrics import Lyricist
from bot.services.lyrics_payments import LyricsPayments
from bot.services.ratings import Ratings
from bot.services.server_rules import ServerRules
from bot.store import jobs
from bot.ui import discord_connection
from bot.ui.buttons.views import MARKS
from bot.ui.dependencies import Services
from bot.ui.discord_client import TunesmithClient, use_api
from bot.ui.discord_courier import DiscordCourier
from tests import make
from tests.doubles.discord import BotRequest, Channel, FakeDiscord, Message, Person
from tests.doubles.in_process import OutgoingMessage
from tests.faults.hurry import HurriedClock, Hurry
from tests.payloads import translate_once
from tests.unit.pipeline.rig import Rig

A_DAY_S = 86_400.0


class Courier(DiscordCourier):
    """The real courier; its posts are read from Discord, including deleted ones."""

    def __init__(self, client: TunesmithClient, world: FakeDiscord) -> None:
        super().__init__(client)
        self._world = world

    @property
    def posts(self) -> list[OutgoingMessage]:
        marks = {mark: kind for kind, of_kind in MARKS.items() for mark in of_kind}
        found = []
        for message in (one for one in self._world.messages if one.via == "bot"):
            controls = [str(item.get("custom_id", "")).partition(":") for item in message.buttons()]
            found += [
                OutgoingMessage(
                    id=MessageId(message.id),
                    job_id=int(key),
                    kind=marks[name],
                    channel_id=message.channel.id,
                    nonce=message.nonce or "",
                    files=len(message.attachments),
                    text=message.text(),
                )
                for name, _, key in [next((one for one in controls if one[0] in marks), ("", "", ""))]
                if name in marks
            ]
        return found


class Evening:
    """The pipeline, a client and a Discord in simulated time. Get it from ``Evening.begun``."""

    def __init__(self, rig: Rig, world: FakeDiscord, client: TunesmithClient, hurry: Hurry) -> None:
        self.rig = rig
        self.discord = world
        self.client = client
        self.hurry = hurry

    @classmethod
    @asynccontextmanager
    async def begun(cls, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["Evening"]:
        """Log the client in without a gateway connection, which posting does not need."""
        translate_once(monkeypatch)
        # Both are set for the whole process.
        monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
        gateway = discord.gateway.DiscordWebSocket
        monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)
        with Hurry.on(asyncio.get_running_loop(), monkeypatch) as hurry:
            rig.clock = rig.intake._now = rig.credits._now = HurriedClock(hurry)
            async with FakeDiscord(now=lambda: rig.clock().timestamp()) as world:
                use_api(world.url)
                client = client_of(rig)
                rig.chat = Courier(client, world)  # type: ignore[assignment] # it is a chat's real courier
                music = MusicClients(backend=rig.backend, clients={}, models=())
                async with rig.song_archive() as song_archive:
                    client.offer(
                        Services(
                            intake=rig.intake,
                            credits=rig.credits,
                            rules=ServerRules(rig.database, now=rig.clock),
                            song_archive=song_archive,
                            lyrics=Lyricist(
                                database=rig.database,
                                music=music,
                                payments=LyricsPayments(
                                    database=rig.database,
                                    music=music,
                                    terms=rig.intake.terms,
                                    now=rig.clock,
                                ),
                                terms=rig.intake.terms,
                                now=rig.clock,
                            ),
                            privacy=rig.privacy,
                            ratings=Ratings(rig.database, now=rig.clock),
                        )
                    )
                    await client.login(world.token)
                    try:
                        yield cls(rig, world, client, hurry)
                    finally:
                        await client.close()
                assert [] == world.unknown_routes

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Keep the client connected to the gateway inside the block, as the bot does."""
        # discord.py's heartbeat thread keeps the connection alive in real time, unaware of the hurry.
        self.client._connection.heartbeat_timeout = 1_000 * A_DAY_S
        work = partial(discord_connection.connect, self.client, self.discord.token, asyncio.Event())
        await self.client.close()
        connected = asyncio.create_task(supervise("the connection", work, self.rig.alerts.append))
        try:
            await self.discord.until_connected(A_DAY_S)
            yield
        finally:
            await self.client.close()
            connected.cancel()
            await asyncio.wait([connected])

    async def ask(
        self,
        channel: Channel | None = None,
        member: Person | None = None,
        *,
        parent_id: int | None = None,
        request: SongRequest | None = None,
    ) -> Job:
        """Request a song as a member and answer with a card, without a gateway connection."""
        there, person = channel or self.discord.channel, member or self.discord.user
        assert there.guild is not None
        asked = make.origin(
            interaction_id=self.discord.snowflakes.new(),
            guild_id=there.guild.id,
            channel_id=there.id,
            member_id=person.id,
            parent_channel_id=parent_id,
        )
        taken = await self.rig.intake.accept(request or make.prompt(), asked)
        assert taken is not None
        job, facts = taken.job, taken.facts
        card = self.discord.say("a card", user=self.discord.bot, channel=there)
        await self.rig.intake.answered(job, facts, MessageId(card.id))
        return await self.rig.get(job)

    async def jobs(self) -> list[Job]:
        """Return all jobs, oldest first."""

        def everything(tx: Tx) -> list[Job]:
            rows = tx.execute("SELECT id FROM job ORDER BY interaction_id").fetchall()
            return [job for row in rows if (job := jobs.get(tx, row["id"])) is not None]

        return await self.rig.database.read(everything)

    async def job(self) -> Job:
        """Return the newest job."""
        return (await self.jobs())[-1]

    def card(self, job: Job) -> Message:
        """Return the card that ``ask`` posted for the job."""
        (found,) = (one for one in self.discord.messages if one.id == job.card_message_id)
        return found

    def old_message(self, custom_id: str, channel: Channel | None = None) -> Message:
        """Return a message of the bot's with one button."""
        message = self.discord.say("an old one", user=self.discord.bot, channel=channel)
        button = {"type": 2, "style": 2, "label": "Press me", "custom_id": custom_id}
        message.components = [{"type": 1, "components": [button]}]
        return message

    def sends(self, channel: Channel | None = None) -> list[BotRequest]:
        """Return the bot's requests to post in this channel, whatever their outcome."""
        path = f"/channels/{(channel or self.discord.channel).id}/messages"
        return [call for call in self.discord.requests if (call.method, call.path) == ("POST", path)]

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for something that happens in the bot, not at Discord."""
        wait_s = 0.05
        async with asyncio.timeout(A_DAY_S):
            while not holds():
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, 10.0)


def client_of(rig: Rig) -> TunesmithClient:
    """Return a new client on the rig's database, without commands."""
    database = rig.database
    return TunesmithClient(
        registered=lambda: database.read(lambda tx: fact(tx, COMMANDS_FACT)),
        register=lambda digest: database.write(lambda tx: remember(tx, COMMANDS_FACT, digest)),
    )


def kinds(evening: Evening) -> list[MessageKind]:
    """Return the kind of each message at Discord."""
    return [post.kind for post in evening.rig.chat.posts]
