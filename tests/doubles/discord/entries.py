"""What a person enters: options of a command and fields of a form, within what Discord's client allows."""

from __future__ import annotations

from typing import Any

from .acts import Impossible
from .wire import (
    ADMINISTRATOR,
    MEMBER_PERMISSIONS,
    Channel,
    Guild,
    Json,
    Person,
    Upload,
    channel_wire,
    member_wire,
    user_wire,
)
from .world import World

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


class Entries(World):
    """Data of commands and forms as Discord sends them."""

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
