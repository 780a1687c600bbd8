"""The music service as tests meet it: one set of books, and two ways to reach what keeps them.

``books`` records what was asked for and charged. ``in_process`` answers an httpx transport by a script, and
``socket`` is the sandbox without its composer on a port of this machine.
"""

from tests.doubles.music.books import Given, MusicBooks, PaidRequest
from tests.doubles.music.in_process import AUDIO, SONG, MusicService, Task, answers, raises
from tests.doubles.music.socket import MUSIC_KEY, QuickSandbox, mp3

__all__ = [
    "AUDIO",
    "MUSIC_KEY",
    "SONG",
    "Given",
    "MusicBooks",
    "MusicService",
    "PaidRequest",
    "QuickSandbox",
    "Task",
    "answers",
    "mp3",
    "raises",
]
