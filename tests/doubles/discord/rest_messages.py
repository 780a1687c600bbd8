"""Routes of channels and their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from . import limits
from .books import Access, check_may_post, check_visible, posted_before
from .faults import json_response
from .refusals import Refusal, Why
from .wire import (
    EPHEMERAL,
    LOADING,
    READ_MESSAGE_HISTORY,
    Attachment,
    Channel,
    Json,
    Message,
    Person,
    channel_wire,
    pinged_ids,
)
from .world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .acts import BotRequest, Interaction


class Messages(World):
    """The routes of channels, messages and uploaded files."""

    def _get_channel(self, call: BotRequest) -> web.Response:
        return json_response(channel_wire(self._visible(call)))

    def _post_typing(self, call: BotRequest) -> web.Response:
        channel = self._visible(call)
        self._may_post(channel, {}, [])
        self.typing.append(channel.id)
        return web.Response(status=204)

    def _post_dm(self, call: BotRequest) -> web.Response:
        person = self.people.get(number_of(str(call.json.get("recipient_id"))))
        if person is None or person is self.bot:
            raise Refusal(Why.INVALID_RECIPIENT)
        return json_response(channel_wire(self.dm(person)))

    def _get_file(self, call: BotRequest) -> web.Response:
        stored = self.uploads.get(call.path)
        if stored is None:
            return web.Response(
                status=404, text="This content is no longer available.", content_type="text/plain"
            )
        headers = {"Content-Type": stored.content_type or "application/octet-stream"}
        return web.Response(body=stored.data, headers=headers)

    def _visible(self, call: BotRequest) -> Channel:
        channel = self.channels.get(number_of(call.parts["channel"]))
        access = Access(exists=False) if channel is None else channel.access()
        check_visible(access)
        assert channel is not None
        return channel

    def _may_post(self, channel: Channel, payload: Json, files: Sequence[object]) -> None:
        check_may_post(
            channel.access(),
            files=bool(files),
            embeds=bool(payload.get("embeds")),
            reply=bool(payload.get("message_reference")),
        )

    def _post_message(self, call: BotRequest) -> web.Response:
        channel, payload = self._visible(call), call.json or {}
        self._may_post(channel, payload, call.files)
        nonce = payload.get("nonce")
        if nonce is not None and payload.get("enforce_nonce"):
            earlier = posted_before(
                [message for message in self.messages if message.via == "bot"],
                channel.id,
                str(nonce),
                now_s=self.now(),
                window_s=self.nonce_window_s,
            )
            if earlier is not None:
                return json_response(earlier.wire())
        message = self._create(channel, self.bot, "bot", payload, call.files)
        channel.archived = False
        return json_response(message.wire())

    def _get_messages(self, call: BotRequest) -> web.Response:
        channel = self._visible(call)
        if not channel.bot_may(READ_MESSAGE_HISTORY):
            return json_response([])
        limit = int(call.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            raise Refusal(Why.INVALID_FORM)
        there = [one for one in self.messages if one.channel is channel and not one.deleted]
        there.sort(key=lambda one: one.id)
        if "before" in call.query:
            there = [one for one in there if one.id < int(call.query["before"])][-limit:]
        elif "after" in call.query:
            there = [one for one in there if one.id > int(call.query["after"])][:limit]
        elif "around" in call.query:
            middle = int(call.query["around"])
            half = limit // 2
            older = [one for one in there if one.id < middle][-half:] if half else []
            there = older + [one for one in there if one.id >= middle][: limit - half]
        return json_response([one.wire() for one in reversed(there[-limit:])])

    def _message(self, call: BotRequest) -> Message:
        channel, number = self._visible(call), number_of(call.parts["message"])
        for one in self.messages:
            if one.id == number and one.channel is channel and not one.deleted:
                return one
        raise Refusal(Why.UNKNOWN_MESSAGE)

    def _get_message(self, call: BotRequest) -> web.Response:
        if not self._visible(call).bot_may(READ_MESSAGE_HISTORY):
            raise Refusal(Why.MISSING_PERMISSIONS)
        return json_response(self._message(call).wire())

    def _patch_message(self, call: BotRequest) -> web.Response:
        message = self._message(call)
        if message.author is not self.bot:
            raise Refusal(Why.NOT_YOUR_MESSAGE)
        if message.channel.archived:
            raise Refusal(Why.ARCHIVED_THREAD)
        self._edit(message, call.json or {}, call.files)
        return json_response(message.wire())

    def _delete_message(self, call: BotRequest) -> web.Response:
        message = self._message(call)
        if message.author is not self.bot:
            raise Refusal(Why.MISSING_PERMISSIONS)
        message.deleted = True
        return web.Response(status=204)

    def _create(
        self,
        channel: Channel,
        author: Person,
        via: str,
        payload: Json,
        files: Sequence[tuple[str, str, bytes]],
        *,
        interaction: Interaction | None = None,
        webhook_id: int | None = None,
        extra_flags: int = 0,
    ) -> Message:
        self._check(channel, payload, files)
        keys = ("content", "embeds", "components", "sticker_ids", "poll")
        if not files and not any(payload.get(key) for key in keys) and not extra_flags & LOADING:
            raise Refusal(Why.EMPTY_MESSAGE)
        reference, referenced = self._reference(channel, payload)
        message = Message(
            self.snowflakes.new(),
            channel,
            author,
            payload.get("content") or "",
            via,
            self.now(),
            embeds=payload.get("embeds") or [],
            components=payload.get("components") or [],
            message_reference=reference,
            referenced=referenced,
            nonce=None if payload.get("nonce") is None else str(payload["nonce"]),
            allowed_mentions=payload.get("allowed_mentions"),
            flags=int(payload.get("flags") or 0) | extra_flags,
            tts=bool(payload.get("tts")),
            interaction_metadata=None if interaction is None else interaction.metadata(),
            webhook_id=webhook_id,
            known_people=self.people,
        )
        message.pings = pinged_ids(
            message.content,
            message.allowed_mentions,
            None if referenced is None else referenced.author,
        )
        message.attachments = self._attach(message, payload, files)
        (self.ephemeral_messages if message.ephemeral else self.messages).append(message)
        return message

    def _edit(self, message: Message, payload: Json, files: Sequence[tuple[str, str, bytes]]) -> None:
        self._check(message.channel, payload, files)
        if "content" in payload:
            message.content = payload["content"] or ""
        if "embeds" in payload:
            message.embeds = payload["embeds"] or []
        if "components" in payload:
            message.components = payload["components"] or []
        if "allowed_mentions" in payload:
            message.allowed_mentions = payload["allowed_mentions"]
        if payload.get("flags") is not None:
            message.flags = (message.flags & EPHEMERAL) | (int(payload["flags"]) & ~EPHEMERAL)
        if message.loading:
            message.flags &= ~LOADING
            message.pings = pinged_ids(message.content, message.allowed_mentions, None)
        else:
            message.edits += 1
            message.edited_at_s = self.now()
        message.attachments = self._attach(message, payload, files)

    def _check(self, channel: Channel, payload: Json, files: Sequence[tuple[str, str, bytes]]) -> None:
        errors = limits.check_message(payload, [name for _, name, _ in files])
        if errors.found:
            raise Refusal(Why.INVALID_FORM, errors.body())
        own = channel.guild.attachment_limit_bytes if channel.guild is not None else None
        limit = own or self.attachment_limit_bytes
        if (
            any(len(data) > limit for *_, data in files)
            or sum(len(d) for *_, d in files) > self.request_limit_bytes
        ):
            raise Refusal(Why.TOO_LARGE)

    def _reference(self, channel: Channel, payload: Json) -> tuple[Json | None, Message | None]:
        asked = payload.get("message_reference")
        if not asked:
            return None, None
        number = number_of(str(asked["message_id"]))
        for one in self.messages:
            if one.id == number and one.channel is channel and not one.deleted:
                reference = {"type": 0, "message_id": str(one.id), "channel_id": str(channel.id)}
                if channel.guild is not None:
                    reference["guild_id"] = str(channel.guild.id)
                return reference, one
        if asked.get("fail_if_not_exists", True):
            errors = limits.FormErrors()
            errors.require("message_reference", ok=False, why="Unknown message")
            raise Refusal(Why.INVALID_FORM, errors.body())
        return None, None

    def _attach(
        self, message: Message, payload: Json, files: Sequence[tuple[str, str, bytes]]
    ) -> list[Attachment]:
        listed: list[Json] | None = payload.get("attachments")
        by_part = {part.removeprefix("files[").removesuffix("]"): (name, data) for part, name, data in files}
        told = {str(one["id"]): one for one in listed or []}
        kept = [one for one in message.attachments if listed is None or str(one.id) in told]
        fresh = [
            self.store_file(
                message.channel,
                str(told.get(part, {}).get("filename") or name),
                data,
                description=told.get(part, {}).get("description"),
                ephemeral=message.ephemeral,
            )
            for part, (name, data) in by_part.items()
        ]
        return kept + fresh


def number_of(text: str) -> int:
    """Parse a snowflake; return 0 for anything else."""
    return int(text) if text.isdecimal() else 0
