"""Members' actions and views, the bot's requests, and refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .wire import COMPONENT, MODAL_SUBMIT, SLASH, Channel, Json, Message, Person, user_wire


class NoAnswerError(AssertionError):
    """The bot did not answer a person, or Discord rejected its answer."""


class Impossible(ValueError):
    """A person could not do this in a Discord client."""


@dataclass(eq=False)
class BotRequest:
    """One HTTP request as it arrived."""

    method: str
    path: str
    """Path without `/api/v10`, e.g. `/channels/7/messages`."""
    query: dict[str, str]
    json: Any
    """The body, or the `payload_json` part of a multipart body; None if there is neither."""
    files: list[tuple[str, str, bytes]]
    """Part name, file name and content of each file."""
    at_s: float
    """`time.monotonic()` when it arrived."""
    authorization: str | None
    status: int | None = None
    """Status of the answer; None if there is none, or none yet."""
    parts: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(eq=False)
class Interaction:
    """A person's action, from the event to the bot's answer."""

    id: int
    token: str
    type: int
    payload: Json
    channel: Channel
    user: Person
    message: Message | None = None
    """The message whose button was pressed."""
    parent: Interaction | None = None
    """The interaction that opened the submitted form."""
    sent_at_s: float = 0.0
    """`time.monotonic()` at the first dispatch."""
    created_at_s: float = 0.0
    dispatches: int = 0
    """Number of dispatches."""
    outcome: Answer | NoAnswerError | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    """Error codes returned for the bot's answers, e.g. 40060 for a second one."""

    def metadata(self) -> Json:
        """Return the metadata in a message about the interaction it answers."""
        data: Json = {
            "id": str(self.id),
            "type": self.type,
            "user": user_wire(self.user),
            "authorizing_integration_owners": self.payload["authorizing_integration_owners"],
        }
        if self.type == SLASH:
            data["command_type"] = 1
            data["name"] = self.payload["data"]["name"]
        if self.type == COMPONENT and self.message is not None:
            data["interacted_message_id"] = str(self.message.id)
        if self.type == MODAL_SUBMIT and self.parent is not None:
            data["triggering_interaction_metadata"] = self.parent.metadata()
        return data


@dataclass(eq=False)
class Answer:
    """An answer as a person sees it; the message follows later edits."""

    interaction: Interaction
    type: int
    """4 message, 5 "is thinking…", 6 nothing yet, 7 the message changed, 8 choices, 9 a form."""
    elapsed_s: float
    """Seconds from dispatching the event to receiving the answer."""
    modal: Json | None = None
    choices: list[Json] | None = None

    @property
    def shown(self) -> Message | None:
        """The message that the person sees, even if nobody else does."""
        return self.interaction.original

    @property
    def message(self) -> Message | None:
        """The message, if it is public."""
        return None if self.shown is None or self.shown.ephemeral else self.shown

    @property
    def content(self) -> str:
        """The text of the message."""
        return "" if self.shown is None else self.shown.content

    @property
    def embeds(self) -> list[Json]:
        """The embeds of the message."""
        return [] if self.shown is None else self.shown.embeds

    @property
    def components(self) -> list[Json]:
        """The components of the message."""
        return [] if self.shown is None else self.shown.components

    @property
    def ephemeral(self) -> bool:
        """Whether only this person sees it."""
        return self.shown is not None and self.shown.ephemeral

    @property
    def followups(self) -> list[Message]:
        """Later messages sent with the same token."""
        return self.interaction.followups

    def text(self) -> str:
        """All text in the message, including embeds and text components."""
        return "" if self.shown is None else self.shown.text()
