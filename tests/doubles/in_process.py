"""In-process doubles of both services."""

from tests.doubles.discord.in_process import Chat, OutgoingMessage
from tests.doubles.music.in_process import AUDIO, SONG, MusicService, Task, answers, raises

__all__ = ["AUDIO", "SONG", "Chat", "MusicService", "OutgoingMessage", "Task", "answers", "raises"]
