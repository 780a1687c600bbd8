"""The stand-in's objects, and their JSON in Discord's format.

Source: https://docs.discord.com/developers/reference (objects of API v10).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .books import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
USE_APPLICATION_COMMANDS = 1 << 31
SEND_MESSAGES_IN_THREADS = 1 << 38

MEMBER_PERMISSIONS = (
    VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
    | SEND_MESSAGES_IN_THREADS
)

TEXT_CHANNEL = 0
DM_CHANNEL = 1
PUBLIC_THREAD = 11
THREADS = frozenset({10, 11, 12})

SLASH = 2
COMPONENT = 3
AUTOCOMPLETE = 4
MODAL_SUBMIT = 5

_USER_MENTION = re.compile(r"<@!?(\d+)>")
_CONTENT_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/x-wav",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json; charset=utf-8",
}


class Snowflakes:
    """Ids that encode their time and strictly increase."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = 0

    def new(self) -> int:
        """Return an id for now that is greater than all earlier ones."""
        moment = (int(self._now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(self._last + 1, moment)
        return self._last


@dataclass(eq=False)
class Person:
    """An account: a member, the bot or a webhook."""

    id: int
    name: str
    roles: tuple[int, ...] = ()
    """Role ids in every server, without @everyone, as on Discord."""
    permissions: int = MEMBER_PERMISSIONS
    bot: bool = False
    nick: str | None = None
    accepts_dms: bool = True
    """False: direct messages to this person fail with 403/50007."""

    @property
    def mention(self) -> str:
        """Markup that mentions this person."""
        return f"<@{self.id}>"


@dataclass(eq=False)
class Guild:
    """A server."""

    id: int
    name: str = "Test server"
    locale: str = "en-US"
    bot_is_member: bool = True
    """False: the bot has left or was removed; posts fail with 403/50001, interactions are user-installed."""
    attachment_limit_bytes: int | None = None
    """Limit per file here, in bytes, raised by boosts; None for the stand-in's."""


@dataclass(eq=False)
class Channel:
    """A channel of a server, a thread, or a direct message (no guild)."""

    id: int
    name: str = "general"
    type: int = TEXT_CHANNEL
    guild: Guild | None = None
    bot_permissions: int = MEMBER_PERMISSIONS
    """The bot's permissions here, enforced by the REST routes and reported as `app_permissions`."""
    recipient: Person | None = None
    """The other party of a direct message."""
    parent: Channel | None = None
    """The channel to which a thread belongs."""
    archived: bool = False
    locked: bool = False
    deleted: bool = False

    def bot_may(self, permission: int) -> bool:
        """Return whether the bot has all bits of a permission here."""
        if self.guild is None or self.bot_permissions & ADMINISTRATOR:
            return True
        return self.bot_permissions & permission == permission

    def access(self) -> Access:
        """Return the bot's permissions here."""
        return Access(
            exists=not self.deleted,
            sees=self.guild is None or (self.guild.bot_is_member and self.bot_may(VIEW_CHANNEL)),
            sends=self.bot_may(SEND_MESSAGES_IN_THREADS if self.type in THREADS else SEND_MESSAGES),
            attaches=self.bot_may(ATTACH_FILES),
            embeds=self.bot_may(EMBED_LINKS),
            reads_history=self.bot_may(READ_MESSAGE_HISTORY),
            locked=self.locked,
            archived=self.archived,
            takes_direct_messages=self.recipient is None or self.recipient.accepts_dms,
        )


@dataclass(frozen=True)
class Upload:
    """A file submitted with a form or an option."""

    filename: str
    data: bytes
    content_type: str | None = None
    claimed_size_bytes: int | None = None
    """The size claimed by the payload, if it is wrong."""


@dataclass(eq=False)
class Attachment:
    """A file on the stand-in's CDN."""

    id: int
    filename: str
    data: bytes
    url: str
    content_type: str | None = None
    description: str | None = None
    ephemeral: bool = False
    claimed_size_bytes: int | None = None

    @property
    def size_bytes(self) -> int:
        """Received size, in bytes."""
        return len(self.data)

    @property
    def sha256(self) -> str:
        """SHA-256 of the received bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    def wire(self) -> Json:
        """Return the attachment in Discord's format."""
        payload: Json = {
            "id": str(self.id),
            "filename": self.filename,
            "size": len(self.data) if self.claimed_size_bytes is None else self.claimed_size_bytes,
            "url": self.url,
            "proxy_url": self.url,
        }
        if self.content_type is not None:
            payload["content_type"] = self.content_type
        if self.description is not None:
            payload["description"] = self.description
        if self.ephemeral:
            payload["ephemeral"] = True
        return payload


@dataclass(eq=False)
class Message:
    """A message and its history; `wire()` returns the part that the API shows."""

    id: int
    channel: Channel
    author: Person
    content: str
    via: str
    """How it was sent: `bot` (Create Message), `answer`, `followup`, `webhook`, `person`."""
    created_at_s: float
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    message_reference: Json | None = None
    referenced: Message | None = None
    nonce: str | None = None
    allowed_mentions: Json | None = None
    flags: int = 0
    tts: bool = False
    pings: set[int] = field(default_factory=set)
    """Ids of the people notified when it was posted; edits notify nobody."""
    interaction_metadata: Json | None = None
    webhook_id: int | None = None
    edits: int = 0
    edited_at_s: float | None = None
    deleted: bool = False
    known_people: dict[int, Person] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> int:
        """The channel in which its nonce is unique."""
        return self.channel.id

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether it still shows "is thinking…"."""
        return bool(self.flags & LOADING)

    def buttons(self) -> list[Json]:
        """Return all its buttons and selects, in order."""
        return [item for item in walk(self.components) if item["type"] in {2, 3, 5, 6, 7, 8}]

    def labels(self) -> list[str]:
        """Return the labels of its buttons, in order."""
        return [str(item.get("label", "")) for item in self.buttons() if item["type"] == 2]

    def text(self) -> str:
        """Return all its text: content, embeds and text components, line by line."""
        lines = [self.content]
        for embed in self.embeds:
            lines += [str(embed.get("title", "")), str(embed.get("description", ""))]
            for one in embed.get("fields", []):
                lines += [str(one.get("name", "")), str(one.get("value", ""))]
            lines.append(str(embed.get("footer", {}).get("text", "")))
        lines += [str(item["content"]) for item in walk(self.components) if item["type"] == 10]
        return "\n".join(line for line in lines if line)

    def wire(self, *, with_reference: bool = True) -> Json:
        """Return the message object, complete enough for any client library."""
        payload: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "type": 19
            if self.message_reference and self.via != "person"
            else 20
            if self.via == "answer"
            else 0,
            "author": user_wire(self.author),
            "content": self.content,
            "timestamp": iso(self.created_at_s),
            "edited_timestamp": None if self.edited_at_s is None else iso(self.edited_at_s),
            "tts": self.tts,
            "mention_everyone": False,
            "mentions": [user_wire(p) for p in self._mentioned()],
            "mention_roles": [],
            "attachments": [one.wire() for one in self.attachments],
            "embeds": self.embeds,
            "components": numbered(self.components),
            "pinned": False,
            "flags": self.flags,
        }
        if self.nonce is not None:
            payload["nonce"] = self.nonce
        if self.webhook_id is not None:
            payload["webhook_id"] = str(self.webhook_id)
        if self.via in {"answer", "followup"}:
            payload["application_id"] = str(self.webhook_id)
        if self.interaction_metadata is not None:
            payload["interaction_metadata"] = self.interaction_metadata
        if self.message_reference is not None and with_reference:
            payload["message_reference"] = self.message_reference
            gone = self.referenced is None or self.referenced.deleted
            payload["referenced_message"] = (
                None if gone or self.referenced is None else self.referenced.wire(with_reference=False)
            )
        return payload

    def _mentioned(self) -> list[Person]:
        ids = set(mentioned_ids(self.content)) | self.pings
        return [self.known_people[one] for one in sorted(ids) if one in self.known_people]


def walk(components: list[Json]) -> Iterator[Json]:
    """Yield every component of a tree, parents first."""
    for item in components:
        yield item
        yield from walk(item.get("components", []))
        for key in ("component", "accessory"):
            if isinstance(item.get(key), dict):
                yield from walk([item[key]])


def numbered(components: list[Json]) -> list[Json]:
    """Return a copy of a component tree with `id` numbers as Discord assigns them."""
    taken = {int(item["id"]) for item in walk(components) if item.get("id")}
    count = 0

    def copy(item: Json) -> Json:
        nonlocal count
        fresh = dict(item)
        if not fresh.get("id"):
            count += 1
            while count in taken:
                count += 1
            fresh["id"] = count
        if "components" in fresh:
            fresh["components"] = [copy(child) for child in fresh["components"]]
        for key in ("component", "accessory"):
            if isinstance(fresh.get(key), dict):
                fresh[key] = copy(fresh[key])
        return fresh

    return [copy(item) for item in components]


def mentioned_ids(content: str) -> list[int]:
    """Return the ids of the people mentioned in a text."""
    return [int(found) for found in _USER_MENTION.findall(content)]


def pinged_ids(content: str, allowed: Json | None, replied_to: Person | None) -> set[int]:
    """Return the people whom a new message notifies, by its text and its `allowed_mentions`."""
    named = set(mentioned_ids(content))
    if allowed is None:
        return named | ({replied_to.id} if replied_to else set())
    if "users" not in allowed.get("parse", []):
        named &= {int(one) for one in allowed.get("users", [])}
    if replied_to and allowed.get("replied_user"):
        named.add(replied_to.id)
    return named


def iso(at_s: float) -> str:
    """Format a Unix time as Discord does."""
    return dt.datetime.fromtimestamp(at_s, dt.UTC).isoformat(timespec="microseconds")


def guess_content_type(filename: str) -> str | None:
    """Return the CDN's content type for a file name, or None for an unknown one."""
    return _CONTENT_TYPES.get("." + filename.rpartition(".")[2].lower())


def user_wire(person: Person) -> Json:
    """Return a user object."""
    return {
        "id": str(person.id),
        "username": person.name,
        "discriminator": "0000" if person.bot else "0",
        "global_name": None if person.bot else person.name.title(),
        "avatar": None,
        "bot": person.bot,
        "public_flags": 0,
        "clan": None,
        "primary_guild": None,
        "avatar_decoration_data": None,
        "collectibles": None,
    }


def member_wire(person: Person, *, with_permissions: bool = True) -> Json:
    """Return a guild member object as included in an interaction."""
    payload: Json = {
        "user": user_wire(person),
        "nick": person.nick,
        "avatar": None,
        "banner": None,
        "roles": [str(role) for role in person.roles],
        "joined_at": "2024-01-01T00:00:00.000000+00:00",
        "premium_since": None,
        "communication_disabled_until": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "unusual_dm_activity_until": None,
    }
    if with_permissions:
        payload["permissions"] = str(person.permissions)
    return payload


def channel_wire(channel: Channel, *, permissions: int | None = None) -> Json:
    """Return a channel object; with `permissions`, the partial one of an interaction."""
    payload: Json = {
        "id": str(channel.id),
        "type": channel.type,
        "last_message_id": None,
        "flags": 0,
    }
    if permissions is not None:
        payload["permissions"] = str(permissions)
    if channel.guild is None:
        if channel.recipient is not None:
            payload["recipients"] = [user_wire(channel.recipient)]
        return payload
    payload |= {
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "parent_id": None if channel.parent is None else str(channel.parent.id),
        "rate_limit_per_user": 0,
        "nsfw": False,
    }
    if channel.type in THREADS:
        return payload | {
            "owner_id": str(channel.guild.id),
            "message_count": 0,
            "member_count": 1,
            "total_message_sent": 0,
            "thread_metadata": {
                "archived": channel.archived,
                "archive_timestamp": "2024-01-01T00:00:00.000000+00:00",
                "auto_archive_duration": 1440,
                "locked": channel.locked,
                "create_timestamp": "2024-01-01T00:00:00.000000+00:00",
            },
        }
    return payload | {"position": 0, "topic": None, "permission_overwrites": []}


def guild_wire(guild: Guild, owner_id: int) -> Json:
    """Return a guild object."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "banner": None,
        "description": None,
        "discovery_splash": None,
        "owner_id": str(owner_id),
        "preferred_locale": guild.locale,
        "features": [],
        "emojis": [],
        "stickers": [],
        "roles": [
            {
                "id": str(guild.id),
                "name": "@everyone",
                "permissions": str(MEMBER_PERMISSIONS),
                "position": 0,
                "color": 0,
                "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
                "hoist": False,
                "managed": False,
                "mentionable": False,
                "flags": 0,
            },
        ],
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "premium_progress_bar_enabled": False,
        "approximate_member_count": 2,
        "approximate_presence_count": 1,
    }
