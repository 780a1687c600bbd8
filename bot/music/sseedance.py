"""The documented music API of sseedance.com.

Sources: https://sseedance.com/en/docs/music and https://sseedance.com/en/docs/tasks, read 2026-11-22.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

from bot.model import Backend, SongRequest, TaskId
from bot.music import wire
from bot.music.contract import SUBMITS_MAX, SUBMITS_WINDOW, Capabilities, Offer
from bot.music.json_answers import JsonObject
from bot.music.text_limits import TextLimits

# Source: https://docs.kie.ai/suno-api/generate-music, read 2026-11-22. An unlisted model gets the limits of
# V5: the service itself then refuses what it does not accept.
MODELS: Final[Mapping[str, TextLimits]] = {
    "V5": TextLimits(),
    "V4_5PLUS": TextLimits(),
    "V4_5ALL": TextLimits(),
    "V4_5": TextLimits(),
    "V4": TextLimits(style=200, lyrics=3_000),
    "V3_5": TextLimits(style=200, lyrics=3_000),
}

OFFER: Final = Offer(
    name="sseedance.com",
    standing="announced but not open yet: requests are refused",
    is_open=False,
    key_page="https://sseedance.com/en/docs/music",
    speaks=lambda provider, options: Sseedance(provider=provider, options=options),
    url="https://sseedance.com",
    models=("V5",),
    cheapest_model="V5",
    song_price="10 credits of your account",
)


class Sseedance:
    """The contract of https://sseedance.com."""

    backend: Final = Backend.SSEEDANCE
    key_setting: Final = "MUSIC_API_KEY"
    url_setting: Final = "MUSIC_API_URL"
    capabilities: Final = Capabilities(avoid=True, voice=True, extras_with_prompt=True)
    models: Final = MODELS
    retired_models: Final[frozenset[str]] = frozenset()
    usual_takes: Final = 2
    submits_max: Final = SUBMITS_MAX
    submits_window: Final = SUBMITS_WINDOW
    submit_path: Final = "/v1/music/generations"
    balance_path: Final[str | None] = None
    song_cost: Final[float | None] = None

    def __init__(self, *, provider: str = "kie", options: JsonObject | None = None) -> None:
        self._provider = provider
        self._options = options or {}

    def body(self, request: SongRequest) -> dict[str, object]:
        """Build the JSON body of the paid POST."""
        return wire.generation(request, self._provider, self._options)

    def task_path(self, task_id: TaskId) -> str:
        """Return the path that reports a task's status."""
        return f"/v1/tasks/{quote(task_id, safe='')}"

    def read_submitted(
        self, status: int, body: bytes, sent: Iterable[str], retry_after_s: float | None
    ) -> wire.Submitted:
        """Read the answer to the paid POST."""
        return wire.read_submitted(status, body, sent, retry_after_s)

    def read_checked(self, status: int, body: bytes, origin: str) -> wire.Checked | wire.Busy:
        """Read the answer to a status query."""
        return wire.read_checked(status, body, origin)

    def read_balance(self, body: bytes) -> float | None:  # noqa: ARG002 - the service reports none
        """Return None: the service reports no balance."""
        return None
