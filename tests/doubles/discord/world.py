"""The state of the stand-in (servers, channels, people, messages), and waiting for changes."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from .application import account_wire, ready_wire
from .gateway import Gateway, Session
from .wire import (
    DM_CHANNEL,
    MEMBER_PERMISSIONS,
    PUBLIC_THREAD,
    TEXT_CHANNEL,
    Attachment,
    Channel,
    Guild,
    Json,
    Message,
    Person,
    Snowflakes,
    guess_content_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .acts import BotRequest, Interaction
    from .faults import Fault

T = TypeVar("T")

PATIENCE_S = 20.0
"""Timeout for an answer, in seconds; generous, because other processes may keep the cores busy."""
API_PATH = "/api/v10"
GATEWAY_PATH = "/gateway-socket"
BOT_TOKEN = "stand-in.bot.token"
_APPLICATION_ID = 1_100_000_000_000_000_001
_MIB = 1 << 20


class World:
    """The state of one Discord; `rest` and `people` hold the actions of the bot and the people."""

    max_concurrency = 1
    """Number of shards that may identify at the same time."""

    def __init__(
        self,
        *,
        token: str = BOT_TOKEN,
        host: str = "127.0.0.1",
        port: int = 0,
        shards: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self.host = host
        self.port = port
        self.shards = shards
        self.now = now
        self.application_id = _APPLICATION_ID
        self.answer_deadline_s = 3.0
        """Deadline for answers, in seconds; later ones are refused with 404/10062."""
        self.token_lifetime_s = 900.0
        """Lifetime of interaction tokens, in seconds; older ones are refused with 401/50027."""
        self.nonce_window_s = 180.0
        self.attachment_limit_bytes = 10 * _MIB
        """Maximum size of a file; larger ones are refused with 413/40005."""
        self.request_limit_bytes = 25 * _MIB
        """Maximum size of all files in a request together."""
        self.bucket_limit = 50
        """Limit announced in the rate limit headers of bot routes; nothing is counted."""

        self.snowflakes = Snowflakes(now)
        self.messages: list[Message] = []
        """All public messages in order of creation, including deleted ones."""
        self.ephemeral_messages: list[Message] = []
        self.requests: list[BotRequest] = []
        self.unknown_routes: list[str] = []
        """`METHOD path` of each request without a route; assert that it is empty."""
        self.interactions: dict[int, Interaction] = {}
        self.commands: list[Json] = []
        """Registered global commands, as returned by Discord."""
        self.guild_commands: dict[int, list[Json]] = {}
        self.command_puts = 0
        """Number of times the bot has registered its commands."""
        self.faults: list[Fault] = []
        self.uploads: dict[str, Attachment] = {}
        """Files on the CDN by path."""
        self.typing: list[int] = []
        """Channel id of each typing indicator."""

        self.people: dict[int, Person] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.webhooks: dict[int, tuple[str, Channel]] = {}
        self.bot = Person(self.application_id, "tunesmith", bot=True)
        self.people[self.bot.id] = self.bot
        self.owner = self.add_person("owner")
        self.user = self.add_person("mira")
        """The default actor of tests."""
        self.guild = self.add_guild("Test server")
        self.channel = self.add_channel("general")
        """The default channel of tests."""

        self.gateway = Gateway(
            token_is_good=lambda given: given == self.token and not self.revoked,
            ready=self.ready,
            changed=self.changed,
        )
        self.revoked = False
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def url(self) -> str:
        """Base URL of the REST API, for `DISCORD_API_URL`."""
        return f"http://{self.host}:{self.port}{API_PATH}"

    @property
    def gateway_url(self) -> str:
        """URL of the gateway."""
        return f"ws://{self.host}:{self.port}{GATEWAY_PATH}"

    async def until(self, predicate: Callable[[], T], timeout_s: float = PATIENCE_S, what: str = "") -> T:
        """Evaluate a predicate after every change until it holds, and return its value.

        Raises:
            AssertionError: it did not hold in time; the message lists the last requests.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not (value := predicate()):
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.add(future)
            done, _ = await asyncio.wait({future}, timeout=deadline - loop.time())
            self._waiting.discard(future)
            if not done and not predicate():
                last = [f"{one.method} {one.path} {one.status}" for one in self.requests[-8:]]
                message = f"{what or 'what a test waited for'} did not happen in {timeout_s} s; last: {last}"
                raise AssertionError(message)
        return value

    def changed(self) -> None:
        """Wake everyone who waits; call it after changing something by hand."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def add_person(
        self,
        name: str,
        *,
        roles: Sequence[int] = (),
        permissions: int = MEMBER_PERMISSIONS,
        accepts_dms: bool = True,
    ) -> Person:
        """Return a new person."""
        person = Person(self.snowflakes.new(), name, tuple(roles), permissions, accepts_dms=accepts_dms)
        self.people[person.id] = person
        return person

    def add_guild(
        self, name: str = "Another server", *, locale: str = "en-US", bot_is_member: bool = True
    ) -> Guild:
        """Return a new server, without channels."""
        guild = Guild(self.snowflakes.new(), name, locale, bot_is_member)
        self.guilds[guild.id] = guild
        return guild

    def add_channel(
        self,
        name: str = "another",
        *,
        guild: Guild | None = None,
        bot_permissions: int = MEMBER_PERMISSIONS,
        thread_of: Channel | None = None,
    ) -> Channel:
        """Return a new text channel of a server (by default the first), or a thread of a channel."""
        kind = TEXT_CHANNEL if thread_of is None else PUBLIC_THREAD
        home = guild or (thread_of.guild if thread_of is not None else None) or self.guild
        channel = Channel(self.snowflakes.new(), name, kind, home, bot_permissions, parent=thread_of)
        self.channels[channel.id] = channel
        return channel

    def dm(self, person: Person) -> Channel:
        """Return the direct message channel of the bot and a person."""
        for channel in self.channels.values():
            if channel.type == DM_CHANNEL and channel.recipient is person:
                return channel
        channel = Channel(self.snowflakes.new(), person.name, DM_CHANNEL, recipient=person)
        self.channels[channel.id] = channel
        return channel

    def add_webhook(self, channel: Channel | None = None) -> str:
        """Return the URL of a new incoming webhook for a channel."""
        number, token = self.snowflakes.new(), secrets.token_urlsafe(48)
        self.webhooks[number] = (token, channel or self.channel)
        return f"{self.url}/webhooks/{number}/{token}"

    def say(self, content: str, *, user: Person | None = None, channel: Channel | None = None) -> Message:
        """Post a message as a person."""
        author = user or self.user
        message = Message(
            self.snowflakes.new(),
            channel or self.channel,
            author,
            content,
            "person",
            self.now(),
            known_people=self.people,
        )
        self.messages.append(message)
        self.changed()
        return message

    def delete(self, message: Message) -> None:
        """Delete a message as a moderator."""
        message.deleted = True
        self.changed()

    def posted(self, channel: Channel | None = None) -> list[Message]:
        """Return the bot's messages sent with its token (not as answers) and not deleted, oldest first."""
        return [
            one
            for one in self.messages
            if one.via == "bot" and not one.deleted and channel in {None, one.channel}
        ]

    def store_file(
        self,
        channel: Channel,
        filename: str,
        data: bytes,
        *,
        content_type: str | None = None,
        description: str | None = None,
        ephemeral: bool = False,
        claimed_size_bytes: int | None = None,
    ) -> Attachment:
        """Put a file on the CDN."""
        number = self.snowflakes.new()
        folder = "ephemeral-attachments" if ephemeral else "attachments"
        path = f"/cdn/{folder}/{channel.id}/{number}/{filename}"
        stored = Attachment(
            number,
            filename,
            data,
            f"http://{self.host}:{self.port}{quote(path)}?ex=7fffffff&is=1&hm={'0' * 64}&",
            content_type or guess_content_type(filename),
            description,
            ephemeral,
            claimed_size_bytes,
        )
        self.uploads[path] = stored
        return stored

    def ready(self, session: Session) -> Json:
        """Return the READY event of a session."""
        number, count = session.shard
        return ready_wire(
            self.bot,
            (
                one.id
                for one in self.guilds.values()
                if one.bot_is_member and (one.id >> 22) % count == number
            ),
            application_id=self.application_id,
            session_id=session.id,
            resume_url=self.gateway_url,
            shard=session.shard,
        )

    def me(self) -> Json:
        """Return the bot's account."""
        return account_wire(self.bot)
