"""The REST API of the stand-in: one method per route, none of which waits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aiohttp import web

from . import limits
from .acts import Answer, BotRequest, Interaction, NoAnswerError
from .application import application_wire
from .books import Access, check_may_post, check_visible, posted_before
from .faults import json_response
from .refusals import Refusal, Why
from .wire import (
    AUTOCOMPLETE,
    COMPONENT,
    EPHEMERAL,
    LOADING,
    MODAL_SUBMIT,
    READ_MESSAGE_HISTORY,
    SLASH,
    Attachment,
    Channel,
    Guild,
    Json,
    Message,
    Person,
    channel_wire,
    guild_wire,
    member_wire,
    numbered,
    pinged_ids,
    user_wire,
)
from .world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    template: str
    needs_token: bool
    handler: Callable[[BotRequest], web.Response]


class Rest(World):
    """The bot's HTTP routes."""

    @cached_property
    def _routes(self) -> list[_Route]:
        return self._table()

    def run(self, call: BotRequest) -> web.Response:
        """Perform a request and return its response."""
        for route in self._routes:
            found = route.pattern.fullmatch(call.path)
            if found is None or route.method != call.method:
                continue
            call.parts = {**found.groupdict(), "template": route.template}
            if route.needs_token and (self.revoked or call.authorization != f"Bot {self.token}"):
                return json_response({"message": "401: Unauthorized", "code": 0}, status=401)
            try:
                return route.handler(call)
            except Refusal as refusal:
                return json_response(refusal.body, status=refusal.status)
        self.unknown_routes.append(f"{call.method} {call.path}")
        return json_response({"message": "404: Not Found", "code": 0}, status=404)

    def _table(self) -> list[_Route]:
        app, original = "/applications/{app}", "/webhooks/{hook}/{token}/messages/@original"
        one, hooked = "/channels/{channel}/messages/{message}", "/webhooks/{hook}/{token}/messages/{message}"
        rows: list[tuple[str, str, bool, Callable[[BotRequest], web.Response]]] = [
            ("GET", "/users/@me", True, self._get_me),
            ("GET", "/users/@me/guilds", True, self._get_guilds),
            ("GET", "/users/{user}", True, self._get_user),
            ("GET", "/gateway", False, lambda _: json_response({"url": self.gateway_url})),
            ("GET", "/gateway/bot", True, self._get_gateway_bot),
            ("GET", "/applications/@me", True, lambda _: json_response(self._application())),
            ("GET", "/oauth2/applications/@me", True, lambda _: json_response(self._application())),
            ("PUT", f"{app}/commands", True, self._put_commands),
            ("GET", f"{app}/commands", True, self._get_commands),
            ("PUT", f"{app}/guilds/{{guild}}/commands", True, self._put_commands),
            ("GET", f"{app}/guilds/{{guild}}/commands", True, self._get_commands),
            ("POST", "/interactions/{interaction}/{token}/callback", False, self._post_callback),
            ("POST", "/webhooks/{hook}/{token}", False, self._post_webhook),
            ("GET", original, False, self._get_hooked),
            ("PATCH", original, False, self._patch_hooked),
            ("DELETE", original, False, self._delete_hooked),
            ("GET", hooked, False, self._get_hooked),
            ("PATCH", hooked, False, self._patch_hooked),
            ("DELETE", hooked, False, self._delete_hooked),
            ("POST", "/users/@me/channels", True, self._post_dm),
            ("GET", "/channels/{channel}", True, self._get_channel),
            ("POST", "/channels/{channel}/typing", True, self._post_typing),
            ("POST", "/channels/{channel}/messages", True, self._post_message),
            ("GET", "/channels/{channel}/messages", True, self._get_messages),
            ("GET", one, True, self._get_message),
            ("PATCH", one, True, self._patch_message),
            ("DELETE", one, True, self._delete_message),
            ("GET", "/guilds/{guild}", True, self._get_guild),
            ("GET", "/guilds/{guild}/members/{user}", True, self._get_member),
            ("GET", "/cdn/{rest...}", False, self._get_file),
        ]
        return [_Route(method, _pattern(path), path, auth, handler) for method, path, auth, handler in rows]

    def _application(self) -> Json:
        return application_wire(self.application_id, self.owner, guilds=len(self.guilds))

    def _get_me(self, _: BotRequest) -> web.Response:
        return json_response(self.me())

    def _get_user(self, call: BotRequest) -> web.Response:
        return json_response(user_wire(self._person(call)))

    def _person(self, call: BotRequest) -> Person:
        person = self.people.get(number_of(call.parts["user"]))
        if person is None:
            raise Refusal(Why.UNKNOWN_USER)
        return person

    def _get_gateway_bot(self, _: BotRequest) -> web.Response:
        return json_response(
            {
                "url": self.gateway_url,
                "shards": self.shards,
                "session_start_limit": {
                    "total": 1000,
                    "remaining": max(0, 1000 - len(self.gateway.identifies)),
                    "reset_after": 86_400_000,
                    "max_concurrency": self.max_concurrency,
                },
            },
        )

    def _put_commands(self, call: BotRequest) -> web.Response:
        errors = limits.check_commands(call.json)
        if errors.found:
            raise Refusal(Why.INVALID_FORM, errors.body())
        guild = number_of(call.parts["guild"]) if "guild" in call.parts else None
        old = self.commands if guild is None else self.guild_commands.get(guild, [])
        ids = {(one["type"], one["name"]): one["id"] for one in old}
        fresh = []
        for command in call.json:
            kind = command.get("type", 1)
            fresh.append(
                {
                    "description": "",
                    "options": [],
                    "default_member_permissions": None,
                    "dm_permission": guild is None,
                    "contexts": None,
                    "integration_types": [0],
                    "nsfw": False,
                    **command,
                    "type": kind,
                    "id": ids.get((kind, command["name"])) or str(self.snowflakes.new()),
                    "application_id": str(self.application_id),
                    "version": str(self.snowflakes.new()),
                    **({"guild_id": str(guild)} if guild is not None else {}),
                },
            )
        self.command_puts += 1
        if guild is None:
            self.commands = fresh
        else:
            self.guild_commands[guild] = fresh
        return json_response(fresh)

    def _get_commands(self, call: BotRequest) -> web.Response:
        if "guild" in call.parts:
            return json_response(self.guild_commands.get(number_of(call.parts["guild"]), []))
        return json_response(self.commands)

    def _get_guilds(self, call: BotRequest) -> web.Response:
        """Return a page of the bot's guilds, ordered by id."""
        after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 200))
        ids = sorted(number for number, guild in self.guilds.items() if guild.bot_is_member)
        page = [number for number in ids if number > after][:limit]
        return json_response([guild_wire(self.guilds[number], self.owner.id) for number in page])

    def _get_guild(self, call: BotRequest) -> web.Response:
        return json_response(guild_wire(self._guild(call), self.owner.id))

    def _get_member(self, call: BotRequest) -> web.Response:
        self._guild(call)
        return json_response(member_wire(self._person(call), with_permissions=False))

    def _guild(self, call: BotRequest) -> Guild:
        guild = self.guilds.get(number_of(call.parts["guild"]))
        if guild is None:
            raise Refusal(Why.UNKNOWN_GUILD)
        if not guild.bot_is_member:
            raise Refusal(Why.MISSING_ACCESS)
        return guild

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

    def _post_callback(self, call: BotRequest) -> web.Response:
        interaction = self.interactions.get(number_of(call.parts["interaction"]))
        if interaction is None or interaction.token != call.parts["token"]:
            raise Refusal(Why.UNKNOWN_INTERACTION)
        if isinstance(interaction.outcome, Answer):
            interaction.refusals.append(40060)
            raise Refusal(Why.ACKNOWLEDGED)
        elapsed_s = call.at_s - interaction.sent_at_s
        if isinstance(interaction.outcome, NoAnswerError) or elapsed_s > self.answer_deadline_s:
            interaction.refusals.append(10062)
            interaction.outcome = NoAnswerError(f"the answer came after {elapsed_s:.3f} s: 404/10062")
            raise Refusal(Why.UNKNOWN_INTERACTION)
        answer = Answer(interaction, int(call.json["type"]), elapsed_s)
        try:
            self._accept(answer, call.json.get("data") or {}, call.files)
        except Refusal as refusal:
            interaction.refusals.append(int(refusal.body["code"]))
            raise
        interaction.outcome = answer
        if call.query.get("with_response") not in {"1", "true"}:
            return web.Response(status=204)
        return json_response(self._callback_body(answer))

    def _accept(self, answer: Answer, data: Json, files: Sequence[tuple[str, str, bytes]]) -> None:
        interaction = answer.interaction
        fits = {
            SLASH: {4, 5, 9},
            COMPONENT: {4, 5, 6, 7, 9},
            AUTOCOMPLETE: {8},
            MODAL_SUBMIT: {4, 5, 6, 7} if interaction.message is not None else {4, 5},
        }[interaction.type]
        if answer.type not in fits:
            errors = limits.FormErrors()
            errors.require("type", ok=False, why=f"Value must be one of {sorted(fits)}.")
            raise Refusal(Why.INVALID_FORM, errors.body())
        if answer.type in {4, 5}:
            interaction.original = self._create(
                interaction.channel,
                self.bot,
                "answer",
                data,
                files,
                interaction=interaction,
                webhook_id=self.application_id,
                extra_flags=LOADING if answer.type == 5 else 0,
            )
        elif answer.type in {6, 7} and interaction.message is not None:
            if answer.type == 7:
                self._edit(interaction.message, data, files)
            interaction.original = interaction.message
        elif answer.type == 8:
            answer.choices = data.get("choices") or []
            too_long = any(
                len(str(one.get("name", ""))) > 100 or len(str(one["value"])) > 100 for one in answer.choices
            )
            if len(answer.choices) > 25 or too_long:
                raise Refusal(Why.INVALID_FORM)
        elif answer.type == 9:
            errors = limits.check_modal(data)
            if errors.found:
                raise Refusal(Why.INVALID_FORM, errors.body())
            from_wire = data | {"components": numbered(data["components"])}
            answer.modal = from_wire

    def _callback_body(self, answer: Answer) -> Json:
        interaction, message = answer.interaction, answer.shown
        body: Json = {"interaction": {"id": str(interaction.id), "type": interaction.type}}
        if answer.type in {8, 9} or message is None:
            return body | {"resource": {"type": answer.type}}
        body["interaction"] |= {
            "response_message_id": str(message.id),
            "response_message_loading": message.loading,
            "response_message_ephemeral": message.ephemeral,
            "channel_id": str(interaction.channel.id),
        }
        body["resource"] = {"type": answer.type}
        if answer.type in {4, 7}:
            body["resource"]["message"] = message.wire()
        return body

    def _by_token(self, call: BotRequest) -> Interaction:
        if number_of(call.parts["hook"]) != self.application_id:
            raise Refusal(Why.UNKNOWN_WEBHOOK)
        for one in self.interactions.values():
            if one.token == call.parts["token"]:
                if self.now() - one.created_at_s > self.token_lifetime_s:
                    raise Refusal(Why.INVALID_TOKEN)
                if not isinstance(one.outcome, Answer):
                    raise Refusal(Why.UNKNOWN_WEBHOOK)
                return one
        raise Refusal(Why.UNKNOWN_WEBHOOK)

    def _post_webhook(self, call: BotRequest) -> web.Response:
        number = number_of(call.parts["hook"])
        if number in self.webhooks:
            return self._post_incoming(call, number)
        interaction = self._by_token(call)
        payload = call.json or {}
        first = interaction.original
        if first is not None and first.loading and not first.deleted:
            self._edit(first, payload, call.files)
            return json_response(first.wire())
        message = self._create(
            interaction.channel,
            self.bot,
            "followup",
            payload,
            call.files,
            interaction=interaction,
            webhook_id=self.application_id,
        )
        interaction.followups.append(message)
        return json_response(message.wire())

    def _post_incoming(self, call: BotRequest, number: int) -> web.Response:
        token, channel = self.webhooks[number]
        if token != call.parts["token"]:
            raise Refusal(Why.INVALID_TOKEN)
        author = Person(number, str((call.json or {}).get("username") or "webhook"), bot=True)
        message = self._create(channel, author, "webhook", call.json or {}, call.files, webhook_id=number)
        if call.query.get("wait") in {"1", "true"}:
            return json_response(message.wire())
        return web.Response(status=204)

    def _hooked(self, call: BotRequest) -> Message:
        interaction = self._by_token(call)
        found: Message | None = None
        if "message" not in call.parts:
            found = interaction.original
        else:
            number = number_of(call.parts["message"])
            own = [*interaction.followups, *([interaction.original] if interaction.original else [])]
            found = next((one for one in own if one.id == number), None)
        if found is None or found.deleted:
            raise Refusal(Why.UNKNOWN_MESSAGE)
        return found

    def _get_hooked(self, call: BotRequest) -> web.Response:
        return json_response(self._hooked(call).wire())

    def _patch_hooked(self, call: BotRequest) -> web.Response:
        message = self._hooked(call)
        self._edit(message, call.json or {}, call.files)
        return json_response(message.wire())

    def _delete_hooked(self, call: BotRequest) -> web.Response:
        self._hooked(call).deleted = True
        return web.Response(status=204)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(\.\.\.)?\}", template)
    text = ""
    for place in range(0, len(parts), 3):
        text += re.escape(parts[place])
        if place + 1 < len(parts):
            text += f"(?P<{parts[place + 1]}>{'.+' if parts[place + 2] else '[^/]+'})"
    return re.compile(text)


def number_of(text: str) -> int:
    """Parse a snowflake; return 0 for anything else."""
    return int(text) if text.isdecimal() else 0
