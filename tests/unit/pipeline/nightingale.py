"""A fictitious music service: the module that the guide in CONTRIBUTING.md asks for.

It is imported as ``bot.music.nightingale`` once ``Backend`` contains its name: ``test_a_third_service.py``.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from bot.model import Backend, FailReason, SongRequest, TaskId
from bot.music import json_answers, wire
from bot.music.contract import Capabilities, Offer
from bot.music.text_limits import TextLimits


class Nightingale:
    """A service with one model and one take."""

    backend: Final = Backend("nightingale")
    key_setting: Final = "NIGHTINGALE_API_KEY"
    url_setting: Final = "NIGHTINGALE_API_URL"
    capabilities: Final = Capabilities()
    models: Final[Mapping[str, TextLimits]] = {"N1": TextLimits(prompt=200)}
    retired_models: Final[frozenset[str]] = frozenset()
    usual_takes: Final = 1
    submits_max: Final = 2
    submits_window: Final = timedelta(seconds=1)
    submit_path: Final = "/songs"
    balance_path: Final[str | None] = None
    song_cost: Final[float | None] = 1.0

    def body(self, request: SongRequest) -> dict[str, object]:
        return {"voice": request.model, "words": request.prompt}

    def task_path(self, task_id: str) -> str:
        return f"/songs/{task_id}"

    def read_submitted(
        self,
        status: int,
        body: bytes,
        sent: Iterable[str],  # noqa: ARG002 - this service never echoes what it refuses
        retry_after_s: float | None,
    ) -> wire.Submitted:
        answer = json_answers.parse(body) or {}
        match status, answer.get("song"):
            case 201, str(song):
                return wire.Accepted(TaskId(song))
            case 400, _:
                return wire.Rejected(FailReason.REFUSED)
            case 429, _:
                return wire.Busy("HTTP 429", retry_after_s)
            case _:
                return wire.Unknown(f"HTTP {status}")

    def read_checked(self, status: int, body: bytes, origin: str) -> wire.Checked | wire.Busy:
        answer = json_answers.parse(body)
        if status != 200 or answer is None:
            return wire.Busy(f"HTTP {status}")
        url = str(answer.get("file", ""))
        return wire.Done((url,)) if wire.is_usable(url, origin) else wire.Running("")

    def read_balance(self, body: bytes) -> float | None:  # noqa: ARG002 - the service reports none
        return None


OFFER: Final = Offer(
    name="the nightingale",
    standing="open at night",
    is_open=True,
    key_page="https://nightingale.example.com/keys",
    speaks=lambda _provider, _options: Nightingale(),
    url="https://nightingale.example.com",
    models=("N1",),
    cheapest_model="N1",
    song_price="1 credit",
)
