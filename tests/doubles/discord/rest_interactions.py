"""Routes with which the bot answers interactions, and those of webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from . import limits
from .acts import Answer, BotRequest, Interaction, NoAnswerError
from .faults import json_response
from .refusals import Refusal, Why
from .rest_messages import Messages, number_of
from .wire import (
    AUTOCOMPLETE,
    COMPONENT,
    LOADING,
    MODAL_SUBMIT,
    SLASH,
    Json,
    Message,
    Person,
    numbered,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Interactions(Messages):
    """The routes of callbacks and webhooks."""

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
