"""The doctor's checks of Discord: the token, the application, the commands. All read-only."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from msgspec import Struct

from bot.about import DISCORD_USER_AGENT
from bot.checks import Check, Verdict
from bot.model import GuildId
from bot.proxies import Proxy
from bot.ui.discord_client import invite_link
from bot.ui.discord_proxy import session_options
from bot.ui.text import label

Payload = Mapping[str, Any]

ASK_WITHIN_S: Final = 10.0
"""Timeout for one request, in seconds."""
NAMES_WITHIN_S: Final = 3.0
"""Timeout for one page of server names, in seconds; commands work without them."""
NAME_PAGE_SIZE: Final = 200
"""Number of servers per page.

Source: https://docs.discord.com/developers/resources/user#get-current-user-guilds.
"""
NAME_PAGES_MAX: Final = 10
# https://docs.discord.com/developers/resources/application#application-object-application-flags
PRIVILEGED: Final = sum(1 << bit for bit in (12, 13, 14, 15, 18, 19))
"""Flags of privileged intents, which Discord has to grant."""
NAME_MAX: Final = 40
"""Maximum length of a displayed name, in characters."""
# https://docs.discord.com/developers/resources/application#application-object-application-integration-types
GUILD_INSTALL, USER_INSTALL = "0", "1"
CHECKS: Final = ("token", "application", "commands")
_SCALARS: Final = (
    *("name", "description", "required", "autocomplete", "nsfw", "value"),
    *("min_value", "max_value", "min_length", "max_length"),
    *("name_localizations", "description_localizations"),
)
_LISTS: Final = ("options", "choices")
_FILLED_IN: Final = ("contexts", "integration_types", "channel_types", "dm_permission")
"""Fields that Discord fills in when they are omitted."""


class Findings(Struct, frozen=True, kw_only=True):
    """The results of the checks."""

    checks: tuple[Check, ...]
    public: bool | None
    """Whether anybody may invite the bot; None if Discord did not report it."""
    ahead: timedelta | None
    """How far Discord's clock is ahead of this machine's; None if Discord sent no time."""


class _Trouble(Exception):
    """An unusable answer; its text is shown to the operator."""


async def ask(url: str, token: str, commands: Sequence[Payload], proxy: Proxy | None = None) -> Findings:
    """Check the token, the application, and that exactly ``commands`` are registered."""
    timeout = aiohttp.ClientTimeout(total=ASK_WITHIN_S)
    headers = {"Authorization": f"Bot {token}", "User-Agent": DISCORD_USER_AGENT}
    checks: list[Check] = []
    public = None
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, **session_options(proxy)) as session:
        caller = _Caller(session, url, proxied=proxy is not None)
        try:
            checks.append(_token(await caller.get("/users/@me")))
            application = await caller.get("/oauth2/applications/@me")
            public = bool(application.get("bot_public", True))
            checks.append(examine_application(application))
            registered = await caller.get(
                f"/applications/{application['id']}/commands?with_localizations=true"
            )
            checks.append(examine_commands(commands, registered))
        except _Trouble as trouble:
            checks.append(Check(verdict=Verdict.FAILURE, name=CHECKS[len(checks)], finding=str(trouble)))
    checks += [
        Check(verdict=Verdict.WARNING, name=name, finding="not checked; fix the line above first")
        for name in CHECKS[len(checks) :]
    ]
    return Findings(checks=tuple(checks), public=public, ahead=caller.ahead)


async def server_names(url: str, token: str, proxy: Proxy | None = None) -> dict[GuildId, str]:
    """Return the names of the bot's servers by id, as far as Discord responds in time."""
    timeout = aiohttp.ClientTimeout(total=NAMES_WITHIN_S)
    headers = {"Authorization": f"Bot {token}", "User-Agent": DISCORD_USER_AGENT}
    names: dict[GuildId, str] = {}
    last = 0
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, **session_options(proxy)) as session:
        caller = _Caller(session, url, proxied=proxy is not None)
        for _ in range(NAME_PAGES_MAX):
            try:
                page = await caller.get(f"/users/@me/guilds?limit={NAME_PAGE_SIZE}&after={last}")
                batch = {GuildId(int(guild["id"])): _one_line(guild["name"]) for guild in page}
            except (_Trouble, KeyError, TypeError, ValueError):
                break
            names |= batch
            if len(batch) < NAME_PAGE_SIZE:
                break
            last = max(batch)
    return names


class _Caller:
    """Sends requests to Discord, each of them once."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, proxied: bool) -> None:
        self._settings = "DISCORD_PROXY, DISCORD_API_URL" if proxied else "DISCORD_API_URL"
        self.ahead: timedelta | None = None
        self._session = session
        self._url = url

    async def get(self, path: str) -> Any:  # noqa: ANN401 - Discord's JSON
        """Return the answer's JSON. Raises _Trouble."""
        try:
            async with self._session.get(f"{self._url}{path}", allow_redirects=False) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Its text may contain a proxy's address, with a password.
            raise self._trouble(type(error).__name__) from error
        self._note(response.headers.get("Date", ""))
        if response.status == HTTPStatus.UNAUTHORIZED:
            raise _Trouble("DISCORD_TOKEN is not accepted by Discord; copy the bot's token again")
        if response.status != HTTPStatus.OK:
            raise self._trouble(f"HTTP {response.status}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._trouble("no JSON") from error

    def _trouble(self, problem: str) -> _Trouble:
        return _Trouble(
            f"no good answer from {self._url} ({problem}); check {self._settings} and the network"
        )

    def _note(self, date: str) -> None:
        try:
            at = parsedate_to_datetime(date)
        except (ValueError, OverflowError):
            return
        self.ahead = at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)


def _token(me: Payload) -> Check:
    name = _one_line(me.get("username"))
    return Check(verdict=Verdict.OK, name="token", finding=f"accepted by Discord; the bot is called {name}")


def _one_line(name: object) -> str:
    return label(str(name), NAME_MAX)


def examine_application(application: Payload) -> Check:
    """Check whether the application is usable by members; include its invite link."""
    installs = application.get("integration_types_config") or {GUILD_INSTALL: {}}
    broken, odd = [], []
    if application.get("interactions_endpoint_url"):
        broken.append("commands go to its Interactions Endpoint URL and not to the bot: remove that address")
    if application.get("bot_require_code_grant"):
        broken.append("it can't be invited: turn off Requires OAuth2 Code Grant under Bot")
    if GUILD_INSTALL not in installs:
        broken.append("servers can't add it: turn on Guild Install under Installation")
    if USER_INSTALL in installs:
        odd.append("its commands work in servers only: turn off User Install under Installation")
    who = "anybody" if application.get("bot_public", True) else "only its owner"
    notes = [f"{who} may invite it"]
    if int(application.get("flags") or 0) & PRIVILEGED:
        notes.append("privileged intents are on but not needed")
    link = invite_link(int(application["id"]))
    return Check(
        verdict=Verdict.FAILURE if broken else Verdict.WARNING if odd else Verdict.OK,
        name="application",
        finding=f"{'; '.join(broken + odd + notes)}; invite it with {link}",
    )


def examine_commands(ours: Sequence[Payload], theirs: Sequence[Payload]) -> Check:
    """Check that exactly the commands of this version are registered."""
    actual = {_key(command): command for command in theirs}
    expected = {_key(command): command for command in ours}
    missing = [name for name, _ in expected.keys() - actual.keys()]
    other = [name for name, _ in actual.keys() - expected.keys()]
    changed = [key[0] for key in expected.keys() & actual.keys() if not is_same(expected[key], actual[key])]
    differences = [
        f"{what}: {', '.join(f'/{_one_line(name)}' for name in sorted(names))}"
        for what, names in (("not registered", missing), ("not of this version", changed), ("unknown", other))
        if names
    ]
    if differences:
        advice = "restart the bot to register the changes"
        finding = f"{'; '.join(differences)}; {advice}"
        return Check(verdict=Verdict.WARNING, name="commands", finding=finding)
    finding = f"registered and up to date: {', '.join(f'/{name}' for name, _ in sorted(expected))}"
    return Check(verdict=Verdict.OK, name="commands", finding=finding)


def _key(command: Payload) -> tuple[str, int]:
    return str(command["name"]), int(command.get("type") or 1)


def is_same(ours: Payload, theirs: Payload) -> bool:
    """Return whether Discord's version of a command, option or choice matches ours.

    Discord adds its own ids, and may omit defaults or spell them out.
    """
    permissions = [description.get("default_member_permissions") for description in (ours, theirs)]
    return (
        all((ours.get(name) or None) == (theirs.get(name) or None) for name in _SCALARS)
        and all(
            _set(ours[name]) == _set(theirs[name])
            for name in _FILLED_IN
            if ours.get(name) is not None and theirs.get(name) is not None
        )
        and len({None if value is None else str(value) for value in permissions}) == 1
        and all(_same_lists(ours.get(name) or [], theirs.get(name) or []) for name in _LISTS)
        and (ours.get("type") or 1) == (theirs.get("type") or 1)
    )


def _same_lists(ours: Sequence[Payload], theirs: Sequence[Payload]) -> bool:
    return len(ours) == len(theirs) and all(is_same(a, b) for a, b in zip(ours, theirs, strict=True))


def _set(value: object) -> object:
    return frozenset(value) if isinstance(value, list) else value
