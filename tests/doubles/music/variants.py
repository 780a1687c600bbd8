"""Answers of a music service in a random shape for each song. Its books are unaffected."""

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import brotli

from bot.model import Backend

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOVED: Final = "moved"
"""Query of an audio address that has been redirected once."""
PACKINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
CONTENT_TYPES: Final = ("application/json", "application/json; charset=utf-8", "text/plain", "text/html")
AUDIO_TYPES: Final = ("audio/mpeg", "application/octet-stream", "binary/octet-stream", "text/plain")
ID_NAMES: Final = ("id", "taskId", "task_id")
AUDIO_NAMES: Final = ("audioUrls", "audio_urls", "audios", "songs", "tracks", "output", "results")
ADDRESS_NAMES: Final = ("url", "audioUrl", "audio_url", "src")
NESTS: Final = ("result", "response", "sunoData", "resultJson", "data")
WORDS: Final[Mapping[str, Sequence[str]]] = {
    "success": ("success", "SUCCESS", "succeeded", "complete", "finished", "ok", "done"),
    "pending": ("pending", "queued", "WAITING", "submitted"),
    "processing": ("processing", "running", "GENERATING", "in_progress"),
    "failed": ("failed", "FAIL", "error"),
    "canceled": ("canceled", "cancelled"),
}

KIE_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "success": ("success", "SUCCESS", "Success"),
    "pending": ("waiting", "queuing", "WAITING"),
    "processing": ("generating", "GENERATING"),
    "failed": ("fail", "FAIL", "failed"),
}


@dataclass(frozen=True, slots=True)
class Packed:
    """A body as sent over the wire."""

    body: bytes
    headers: dict[str, str]


class Variants:
    """Answers in a shape drawn for each song from the seed and the task's id."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def submitted(self, task_id: str) -> Packed:
        """Return the answer to an accepted paid request."""
        random = self._random("submit", task_id)
        described = {random.choice(ID_NAMES): task_id}
        shapes: list[object] = [
            described,
            {"data": described},
            {"data": [described]},
            {"data": task_id},
            {"task": described},
            {"data": {"task": described}},
            {"code": 200, "msg": "success", "data": described},
        ]
        return _packed(random, random.choice(shapes))

    def queried(self, task_id: str, status: str, urls: Sequence[str], error: str | None) -> Packed:
        """Return the answer to a status query."""
        random = self._random("query", task_id)
        described: dict[str, object] = {random.choice(("status", "state")): random.choice(WORDS[status])}
        if error:
            described["errorMessage"] = error
        if urls:
            name, takes = random.choice(ADDRESS_NAMES), random.random()
            listed: object = (
                list(urls) if takes < 0.4 else [{"title": "Neon Rain", name: url} for url in urls]
            )
            held: dict[str, object] = {random.choice(AUDIO_NAMES): listed}
            for _ in range(random.choice((0, 0, 1, 2))):
                held = {random.choice(NESTS): json.dumps(held) if random.random() < 0.3 else held}
            described |= held
        shapes: list[object] = [
            {"data": described},
            {"data": [described]},
            {"task": described},
            {"data": {"task": described}},
            {"data": json.dumps(described)},
            {"code": 200, "msg": "success", "data": described},
        ]
        # A failure in an odd place must not end the task: it might concern the query.
        plain = status in ("failed", "canceled")
        return _packed(random, random.choice(shapes[:1] if plain else shapes))

    def moves_audio(self, task_id: str) -> bool:
        """Return whether the song's audio addresses redirect."""
        return self._random("moved", task_id).random() < 0.3

    def audio_type(self, task_id: str) -> str:
        """Return the content type of the song's audio, which is often wrong."""
        return self._random("type", task_id).choice(AUDIO_TYPES)

    def _random(self, about: str, task_id: str) -> Random:
        return Random(f"{self._seed}:{about}:{task_id}")  # noqa: S311 - drawn again by its seed


class KieVariants(Variants):
    """The same for kie's contract: the shapes known from its documentation and its clients."""

    def submitted(self, task_id: str) -> Packed:
        """Return the answer to an accepted paid request."""
        random = self._random("submit", task_id)
        described = {random.choice(("taskId", "task_id")): task_id, "recordId": "5"}
        data: object = random.choice(
            [described, {"taskId": task_id}, [described], json.dumps(described), task_id]
        )
        return _packed(random, {"code": random.choice((200, "200")), "msg": "success", "data": data})

    def queried(self, task_id: str, status: str, urls: Sequence[str], error: str | None) -> Packed:
        """Return the answer to a status query."""
        random = self._random("query", task_id)
        failed = status in ("failed", "canceled")
        record: dict[str, object] = {
            "taskId": task_id,
            "state": random.choice(KIE_WORDS["failed" if failed else status]),
            "param": json.dumps({"input": {"prompt": "https://files.example/typed.mp3"}}),
            "resultJson": random.choice(("", None)),
            "failCode": random.choice(("501", 501)) if failed else "",
            "failMsg": error or "Generation Failed" if failed else "",
            "creditsConsumed": random.choice((12, 12.5, None)),
        }
        if urls:
            result = self._result(random, urls)
            record["resultJson"] = result if random.random() < 0.2 else json.dumps(result)
        return _packed(random, {"code": random.choice((200, "200")), "msg": "success", "data": record})

    def _result(self, random: Random, urls: Sequence[str]) -> object:
        name = random.choice(("audio_url", "audioUrl"))
        takes = [
            {
                "id": f"a{take}",
                name: url,
                "stream_audio_url": "https://stream.example.com/a",
                "duration": 28.6,
            }
            for take, url in enumerate(urls, start=1)
        ]
        results: list[object] = [
            {"code": 200, "data": takes, "task_id": "x"},
            {"data": {"data": takes}},
            {"data": {"sunoData": takes}},
            {"resultUrls": list(urls)},
            takes,
        ]
        return random.choice(results)


VARIANTS: Final[Mapping[Backend, type[Variants]]] = {
    Backend.SSEEDANCE: Variants,
    Backend.KIE: KieVariants,
}
"""Answer shapes by contract."""


def _packed(random: Random, answer: object) -> Packed:
    text = json.dumps(answer, indent=random.choice((None, 2)), ensure_ascii=random.random() < 0.5)
    encoding = random.choice(tuple(PACKINGS))
    headers = {"Content-Type": random.choice(CONTENT_TYPES)}
    if encoding and random.random() < 0.9:
        headers["Content-Encoding"] = encoding
    elif encoding in ("deflate", "br"):
        encoding = ""  # only the header identifies these
    return Packed(PACKINGS[encoding](text.encode(random.choice(("utf-8", "utf-8-sig")))), headers)
