"""The music service as tests meet it: one behaviour with its books, and two ways to reach it.

``behaviour`` is the sandbox's rules without its composer; what was asked for and charged is in ``books``.
``socket`` puts it on a port of this machine; ``in_process`` is a transport of httpx, with scripts for faults.
"""

from tests.doubles.music.books import Given, MusicBooks, PaidRequest
from tests.doubles.music.in_process import AUDIO, SONG, MusicService, Task, answers, raises
from tests.doubles.music.socket import MUSIC_KEY, QuickKieSandbox, QuickSandbox, mp3

__all__ = [
    "AUDIO",
    "MUSIC_KEY",
    "SONG",
    "Given",
    "MusicBooks",
    "MusicService",
    "PaidRequest",
    "QuickKieSandbox",
    "QuickSandbox",
    "Task",
    "answers",
    "mp3",
    "raises",
]
