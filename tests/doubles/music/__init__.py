"""Doubles of the music service: one behaviour with its books, reachable in two ways.

``behaviour`` has the sandbox's rules without its composer; ``books`` has the requests and charges.
``socket`` puts it on a local port; ``in_process`` is a transport of httpx, with scripts for faults.
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
