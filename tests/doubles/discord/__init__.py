"""A stand-in for Discord on a socket, for tests: REST, gateway and the people using clients."""

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
