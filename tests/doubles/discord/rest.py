"""The REST API of the stand-in: one method per route, none of which waits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from . import limits
from .application import application_wire
from .faults import json_response
from .refusals import Refusal, Why
from .rest_interactions import Interactions
from .rest_messages import number_of
from .wire import Guild, Json, Person, guild_wire, member_wire, user_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from .acts import BotRequest


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    template: str
    needs_token: bool
    handler: Callable[[BotRequest], web.Response]


class Rest(Interactions):
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


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(\.\.\.)?\}", template)
    text = ""
    for place in range(0, len(parts), 3):
        text += re.escape(parts[place])
        if place + 1 < len(parts):
            text += f"(?P<{parts[place + 1]}>{'.+' if parts[place + 2] else '[^/]+'})"
    return re.compile(text)
