"""Acts of the people using Discord: commands, buttons, forms."""

from __future__ import annotations

import base64
import secrets
import time
from typing import TYPE_CHECKING, Any

from .acts import Answer, Impossible, Interaction, NoAnswerError
from .wire import (
    ADMINISTRATOR,
    AUTOCOMPLETE,
    COMPONENT,
    MEMBER_PERMISSIONS,
    MODAL_SUBMIT,
    SLASH,
    Channel,
    Guild,
    Json,
    Message,
    Person,
    Upload,
    channel_wire,
    member_wire,
    user_wire,
)
from .world import PATIENCE_S, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SUBCOMMAND, _GROUP = 1, 2
_OPTION_TYPES: list[tuple[type, int]] = [
    (bool, 5),
    (int, 4),
    (float, 10),
    (Person, 6),
    (Channel, 7),
    (Upload, 11),
    (str, 3),
]


class People(World):
    """Members' actions in their clients, limited to what a client allows."""

    async def slash(
        self,
        command: str,
        /,
        *,
        user: Person | None = None,
        channel: Channel | None = None,
        locale: str = "en-US",
        options: Mapping[str, object] | None = None,
        timeout_s: float = PATIENCE_S,
        unchecked: bool = False,
        **named: object,
    ) -> Answer:
        """Use a slash command ("music create") and return the bot's answer.

        Options are given by name, or in `options` where a name clashes; a `Person`, `Channel` or `Upload` is
        added to `resolved`. With `unchecked`, nothing is validated against the registered command.

        Raises:
            NoAnswerError: the bot did not answer in time, or Discord refused its answer.
            Impossible: a client would not allow this.

        """
        values = {**(options or {}), **named}
        place = channel or self.channel
        data = self._command_data(command, values, place, user or self.user, unchecked=unchecked)
        payload = self.payload(SLASH, data, user=user, channel=channel, locale=locale)
        return await self.interact(payload, timeout_s=timeout_s)

    async def autocomplete(
        self,
        command: str,
        focused: str,
        value: str = "",
        /,
        *,
        user: Person | None = None,
        channel: Channel | None = None,
        locale: str = "en-US",
        timeout_s: float = PATIENCE_S,
        **named: object,
    ) -> list[Json]:
        """Type into an option and return the choices (`name`, `value`) that the bot offers."""
        place = channel or self.channel
        data = self._command_data(
            command,
            {**named, focused: value},
            place,
            user or self.user,
            unchecked=False,
            focused=focused,
        )
        payload = self.payload(AUTOCOMPLETE, data, user=user, channel=channel, locale=locale)
        answer = await self.interact(payload, timeout_s=timeout_s)
        return answer.choices or []

    async def click(
        self,
        target: Message | Answer,
        button: str,
        /,
        *,
        values: Sequence[str] | None = None,
        user: Person | None = None,
        locale: str = "en-US",
        timeout_s: float = PATIENCE_S,
        unchecked: bool = False,
    ) -> Answer:
        """Press a button, named by its custom_id or its label, or choose `values` of a select.

        With `unchecked`, a button is pressed even if it is disabled or gone.
        """
        message = self._message_of(target)
        payload = self.click_payload(
            message, button, values=values, user=user, locale=locale, unchecked=unchecked
        )
        return await self.interact(payload, timeout_s=timeout_s)

    def click_payload(
        self,
        message: Message,
        button: str,
        /,
        *,
        values: Sequence[str] | None = None,
        user: Person | None = None,
        locale: str = "en-US",
        unchecked: bool = False,
    ) -> Json:
        """Return the event of a button press, for dispatching once or more."""
        item = next(
            (one for key in ("custom_id", "label") for one in message.buttons() if one.get(key) == button),
            None,
        )
        if item is None or message.deleted or item.get("disabled") or not item.get("custom_id"):
            if not unchecked:
                raise Impossible(f"{button!r} cannot be pressed; there is {message.buttons()}")
            item = item or {"type": 2, "custom_id": button}
        data: Json = {"custom_id": item["custom_id"], "component_type": item["type"], "id": item.get("id", 1)}
        if item["type"] != 2:
            data["values"] = list(values or [])
        return self.payload(
            COMPONENT, data, user=user, channel=message.channel, message=message, locale=locale
        )

    async def submit(
        self,
        answer: Answer,
        values: Mapping[str, object] | None = None,
        /,
        *,
        user: Person | None = None,
        locale: str = "en-US",
        timeout_s: float = PATIENCE_S,
        unchecked: bool = False,
    ) -> Answer:
        """Submit the form of an answer, its fields by custom_id or label; others keep their defaults.

        A file is an `Upload` or `("file.txt", b"...")`; for several, pass a list.

        Raises:
            Impossible: a required field is empty, a text too long, a choice not offered.

        """
        payload = self.submit_payload(answer, values, user=user, locale=locale, unchecked=unchecked)
        return await self.interact(payload, timeout_s=timeout_s)

    def submit_payload(
        self,
        answer: Answer,
        values: Mapping[str, object] | None = None,
        /,
        *,
        user: Person | None = None,
        locale: str = "en-US",
        unchecked: bool = False,
    ) -> Json:
        """Return the event of a submitted form, for dispatching once or more."""
        if answer.modal is None:
            raise Impossible("this answer is not a form")
        opened_by = answer.interaction
        given = dict(values or {})
        resolved: Json = {}
        filled = [
            self._filled(item, given, resolved, opened_by.channel, unchecked=unchecked)
            for item in answer.modal["components"]
        ]
        if given:
            raise Impossible(f"the form has no {sorted(given)}")
        data: Json = {"custom_id": answer.modal["custom_id"], "components": filled}
        if resolved:
            data["resolved"] = resolved
        payload = self.payload(
            MODAL_SUBMIT,
            data,
            user=user or opened_by.user,
            channel=opened_by.channel,
            message=opened_by.message,
            locale=locale,
        )
        self.interactions[int(payload["id"])].parent = opened_by
        return payload

    def payload(
        self,
        kind: int,
        data: Json,
        *,
        user: Person | None = None,
        channel: Channel | None = None,
        message: Message | None = None,
        locale: str = "en-US",
    ) -> Json:
        """Return an INTERACTION_CREATE event, and register it with the stand-in."""
        user, channel = user or self.user, channel or self.channel
        number = self.snowflakes.new()
        guild = channel.guild
        token = (
            base64.urlsafe_b64encode(f"interaction:{number}:{secrets.token_hex(40)}".encode())
            .decode()
            .rstrip("=")
        )
        limit = self.attachment_limit_bytes
        payload: Json = {
            "id": str(number),
            "application_id": str(self.application_id),
            "type": kind,
            "token": token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": channel_wire(channel, permissions=user.permissions),
            "app_permissions": str(channel.bot_permissions),
            "locale": locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "attachment_size_limit": limit,
        }
        if guild is None:
            payload |= {
                "user": user_wire(user),
                "context": 1,
                "authorizing_integration_owners": {"0": "0"},
            }
        else:
            owners = {"0": str(guild.id)} if guild.bot_is_member else {"1": str(user.id)}
            payload |= {
                "guild_id": str(guild.id),
                "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
                "guild_locale": guild.locale,
                "member": member_wire(user),
                "context": 0,
                "authorizing_integration_owners": owners,
                "attachment_size_limit": guild.attachment_limit_bytes or limit,
            }
        if message is not None:
            payload["message"] = message.wire()
        self.interactions[number] = Interaction(
            number,
            token,
            kind,
            payload,
            channel,
            user,
            message,
            sent_at_s=time.monotonic(),
            created_at_s=self.now(),
        )
        return payload

    async def dispatch(self, payload: Json, event: str = "INTERACTION_CREATE") -> int:
        """Send an event to the bot unchanged, any number of times; return how many sessions received it."""
        known = self.interactions.get(int(payload.get("id", 0)))
        if known is not None:
            if not known.dispatches:
                known.sent_at_s, known.created_at_s = time.monotonic(), self.now()
            known.dispatches += 1
        guild_id = payload.get("guild_id")
        return await self.gateway.send(event, payload, None if guild_id is None else int(guild_id))

    async def interact(self, payload: Json, *, timeout_s: float = PATIENCE_S) -> Answer:
        """Send an interaction once the bot listens, and return the bot's answer."""
        interaction = self.interactions[int(payload["id"])]
        guild = interaction.channel.guild
        guild_id = None if guild is None else guild.id
        await self.until(lambda: self.gateway.listening(guild_id), timeout_s, "a gateway connection")
        await self.dispatch(payload)
        return await self.answer_to(payload, timeout_s=timeout_s)

    async def answer_to(self, payload: Json, *, timeout_s: float = PATIENCE_S) -> Answer:
        """Wait for the answer to a dispatched interaction, and return it."""
        interaction = self.interactions[int(payload["id"])]
        try:
            outcome = await self.until(lambda: interaction.outcome, timeout_s, "an answer")
        except AssertionError as error:
            raise NoAnswerError(str(error)) from None
        if isinstance(outcome, Answer):
            return outcome
        raise outcome if outcome is not None else NoAnswerError

    def _message_of(self, target: Message | Answer) -> Message:
        message = target if isinstance(target, Message) else target.shown
        if message is None:
            raise Impossible("there is no message")
        return message

    def _registered(self, path: list[str], guild: Guild | None) -> tuple[Json | None, Json | None]:
        scoped = self.guild_commands.get(guild.id, []) if guild is not None else []
        command = next((one for one in [*scoped, *self.commands] if one["name"] == path[0]), None)
        leaf = command
        for name in path[1:]:
            leaf = next((one for one in (leaf or {}).get("options", []) if one["name"] == name), None)
        return command, leaf

    def _command_data(
        self,
        text: str,
        values: dict[str, object],
        channel: Channel,
        user: Person,
        *,
        unchecked: bool,
        focused: str | None = None,
    ) -> Json:
        path = text.split()
        command, leaf = self._registered(path, channel.guild)
        if (self.commands or self.guild_commands) and leaf is None and not unchecked:
            raise Impossible(f"/{text} is not registered")
        if command is not None and not unchecked:
            self._may_use(command, user, channel)
        known = {one["name"]: one for one in (leaf or {}).get("options", [])}
        resolved: Json = {}
        filled: list[Json] = []
        for name, value in values.items():
            option = known.get(name)
            if option is None and leaf is not None and not unchecked:
                raise Impossible(f"/{text} has no option {name!r}")
            if option is not None and focused is None and not unchecked:
                _check_option(option, value)
            filled.append(self._option(name, value, option, resolved, channel))
            if name == focused:
                filled[-1]["focused"] = True
        missing = {name for name, one in known.items() if one.get("required") and name not in values}
        if missing and focused is None and not unchecked:
            raise Impossible(f"/{text} needs {sorted(missing)}")
        for depth, name in enumerate(reversed(path[1:])):
            filled = [{"name": name, "type": _SUBCOMMAND if depth == 0 else _GROUP, "options": filled}]
        data: Json = {
            "id": str(command["id"] if command is not None else self.snowflakes.new()),
            "name": path[0],
            "type": 1,
            "options": filled,
        }
        if resolved:
            data["resolved"] = resolved
        return data

    def _may_use(self, command: Json, user: Person, channel: Channel) -> None:
        needed = command.get("default_member_permissions")
        if channel.guild is None:
            contexts = command.get("contexts")
            if command.get("dm_permission") is False or (contexts is not None and 1 not in contexts):
                raise Impossible(f"/{command['name']} is not offered in direct messages")
        elif needed is not None and not user.permissions & ADMINISTRATOR and int(needed) & ~user.permissions:
            raise Impossible(f"/{command['name']} is not offered to {user.name}")

    def _option(
        self, name: str, value: object, option: Json | None, resolved: Json, channel: Channel
    ) -> Json:
        kind = (
            option["type"]
            if option is not None
            else next(n for t, n in _OPTION_TYPES if isinstance(value, t))
        )
        plain: object = value
        if isinstance(value, Person):
            plain = str(value.id)
            resolved.setdefault("users", {})[plain] = user_wire(value)
            if channel.guild is not None:
                member = member_wire(value)
                member.pop("user")
                resolved.setdefault("members", {})[plain] = member
        elif isinstance(value, Channel):
            plain = str(value.id)
            resolved.setdefault("channels", {})[plain] = channel_wire(value, permissions=MEMBER_PERMISSIONS)
        elif isinstance(value, Upload):
            plain = self._resolve(value, resolved, channel)
        return {"name": name, "type": kind, "value": plain}

    def _resolve(self, upload: Upload, resolved: Json, channel: Channel) -> str:
        stored = self.store_file(
            channel,
            upload.filename,
            upload.data,
            content_type=upload.content_type,
            ephemeral=True,
            claimed_size_bytes=upload.claimed_size_bytes,
        )
        resolved.setdefault("attachments", {})[str(stored.id)] = stored.wire()
        return str(stored.id)

    def _filled(
        self,
        item: Json,
        given: dict[str, object],
        resolved: Json,
        channel: Channel,
        *,
        unchecked: bool,
        label: str | None = None,
    ) -> Json:
        fresh: Json = {"type": item["type"], "id": item["id"]}
        if item["type"] == 18:
            inner = self._filled(
                item["component"],
                given,
                resolved,
                channel,
                unchecked=unchecked,
                label=item["label"],
            )
            return fresh | {"component": inner}
        if item["type"] == 1:
            inner_items = [
                self._filled(one, given, resolved, channel, unchecked=unchecked, label=one.get("label"))
                for one in item["components"]
            ]
            return fresh | {"components": inner_items}
        if "custom_id" not in item:
            return fresh
        key = item["custom_id"] if item["custom_id"] in given or label is None else label
        value = given.pop(key) if key in given else _default_of(item)
        fresh["custom_id"] = item["custom_id"]
        if item["type"] == 19:
            uploads = _uploads(value)
            if not unchecked:
                _check_count(item, len(uploads), label)
            return fresh | {"values": [self._resolve(one, resolved, channel) for one in uploads]}
        if not unchecked:
            _check_input(item, value, label)
        return fresh | ({"values": value} if item["type"] in {3, 5, 6, 7, 8, 22} else {"value": value})


def _check_option(option: Json, value: object) -> None:
    name, choices = option["name"], option.get("choices")
    if choices and value not in {one["value"] for one in choices}:
        raise Impossible(f"{name}={value!r} is not among {[one['value'] for one in choices]}")
    if isinstance(value, str):
        if not (option.get("min_length") or 0) <= len(value) <= (option.get("max_length") or 6000):
            raise Impossible(f"{name} must not have {len(value)} characters")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = option.get("min_value"), option.get("max_value")
        if (low is not None and value < low) or (high is not None and value > high):
            raise Impossible(f"{name}={value} is not between {low} and {high}")


def _default_of(item: Json) -> object:
    chosen = [one["value"] for one in item.get("options") or [] if one.get("default")]
    if item["type"] == 4:
        return item.get("value") or ""
    if item["type"] == 21:
        return chosen[0] if chosen else None
    if item["type"] == 23:
        return bool(item.get("default"))
    return chosen


def _uploads(value: object) -> list[Upload]:
    if isinstance(value, Upload):
        return [value]
    if isinstance(value, tuple):
        return [Upload(*value)]
    if isinstance(value, list):
        return [one for entry in value for one in _uploads(entry)]
    return []


def _check_count(item: Json, count: int, label: str | None) -> None:
    least, most = item.get("min_values"), item.get("max_values")
    if item.get("required") is False and not count:
        return
    least = 1 if least is None else int(least)
    most = (len(item["options"]) if item["type"] == 22 else 1) if most is None else int(most)
    if not least <= count <= most:
        raise Impossible(f"{label or item['custom_id']} must not have {count} values")


def _check_input(item: Json, value: object, label: str | None) -> None:
    name = label or item["custom_id"]
    options = {one["value"] for one in item.get("options") or []}
    if item["type"] == 4:
        text = str(value)
        if not text and item.get("required") is not False:
            raise Impossible(f"{name} is required")
        least, most = item.get("min_length") or 0, item.get("max_length") or 4000
        if len(text) > most or (text and len(text) < least):
            raise Impossible(f"{name} must not have {len(text)} characters")
    elif item["type"] == 21:
        if value not in options and (value is not None or item.get("required") is not False):
            raise Impossible(f"{name} cannot be {value!r}; there is {sorted(options)}")
    elif item["type"] != 23:
        values: list[Any] = value if isinstance(value, list) else [value]
        _check_count(item, len(values), label)
        if item["type"] in {3, 22} and not set(values) <= options:
            raise Impossible(f"{name} cannot be {values!r}; there is {sorted(options)}")
