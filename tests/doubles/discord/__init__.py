"""A stand-in of Discord on a socket: REST, gateway and the people in front of it, for tests."""

from .acts import Answer, BotRequest, Impossible, Interaction, NoAnswerError
from .fake_discord import FakeDiscord
from .faults import Fault
from .wire import Attachment, Channel, Guild, Message, Person, Upload

__all__ = [
    "Answer",
    "Attachment",
    "BotRequest",
    "Channel",
    "FakeDiscord",
    "Fault",
    "Guild",
    "Impossible",
    "Interaction",
    "Message",
    "NoAnswerError",
    "Person",
    "Upload",
]
