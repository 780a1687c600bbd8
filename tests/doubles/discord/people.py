"""Acts of the people using Discord: commands, buttons, forms."""

from __future__ import annotations

import base64
import secrets
import time
from typing import TYPE_CHECKING

from .acts import Answer, Impossible, Interaction, NoAnswerError
from .entries import Entries
from .wire import (
    AUTOCOMPLETE,
    COMPONENT,
    MODAL_SUBMIT,
    SLASH,
    Channel,
    Json,
    Message,
    Person,
    channel_wire,
    member_wire,
    user_wire,
)
from .world import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class People(Entries):
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
