"""Turn what the doubles and the bot have recorded into the entries that the audit compares."""

from typing import Final

from tests.campaign.audit import Answered, Kind, Message, Request
from tests.campaign.music import number_in, task_of
from tests.doubles.discord import Answer, Interaction
from tests.doubles.discord import Message as Posted

ENDS: Final = ("· Done", "· No song this time")
"""Final states on a card."""
KINDS: Final = {"lyrics": Kind.SONG, "asked": Kind.NOTICE}
"""Kinds by the button that all messages of the kind have."""


def request_of(interaction: Interaction) -> Request:
    shown = interaction.original
    answered = Answered.NOTHING
    if isinstance(interaction.outcome, Answer) and shown is not None:
        answered = Answered.REFUSAL if shown.ephemeral else Answered.CARD
    (command,) = interaction.payload["data"]["options"]
    said = {option["name"]: option["value"] for option in command["options"]}
    return Request(
        number=number_in(said["prompt"]),
        interaction_id=interaction.id,
        answered=answered,
        card_has_ended=shown is not None and any(words in shown.text() for words in ENDS),
        channel_id=interaction.channel.id,
        member_id=interaction.user.id,
    )


def message_of(posted: Posted) -> Message:
    marks = [str(button.get("custom_id", "")).partition(":") for button in posted.buttons()]
    name, _, job_id = next((mark for mark in marks if mark[0] in KINDS), ("", "", "0"))
    return Message(
        id=posted.id,
        kind=KINDS.get(name, Kind.OTHER),
        job_id=int(job_id),
        number=number_in(posted.text()),
        task_ids=frozenset(task_of(file.data) for file in posted.attachments),
        channel_id=posted.channel.id,
        pings=frozenset(posted.pings),
    )


def id_at_service(task_id: str | None) -> str | None:
    """Return a task's id without the prefix that distinguishes services."""
    return None if task_id is None else task_id.rpartition(":")[-1]
