"""The seam between the bot and a music service: everything that differs from one service to another.

``client.py`` guarantees what must hold for all: one POST, its deadline, fresh connections, size limits.
To add a service, write a module with a class that implements ``Contract`` and an ``OFFER`` that describes
it, and add the module's name to ``model.Backend``.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Final, Protocol

from msgspec import Struct

from bot.model import Backend, Option, SongRequest, TaskId
from bot.music import wire
from bot.music.json_answers import JsonObject
from bot.music.text_limits import TextLimits

SUBMITS_MAX: Final = 15
SUBMITS_WINDOW: Final = timedelta(seconds=10)
"""Maximum number of requests per window, for both of today's services: they accept 20 and reject the rest."""


class LyricsDrafts(Struct, frozen=True, kw_only=True):
    """How a service writes lyrics: a paid task of its own, sent to the path of the paid POST."""

    about_max: int
    """Maximum length of the topic, in characters."""
    cost: float
    """Price of one draft to the operator, in the service's own credits."""
    body: Callable[[str], dict[str, object]]
    """Builds the JSON body of the request from the topic."""
    read: Callable[[int, bytes], wire.LyricsChecked | wire.Busy]
    """Reads the answer to a status query."""


class Capabilities(Struct, frozen=True, kw_only=True):
    """Features of a service beyond making a song from a text. Members are offered no others."""

    avoid: bool = False
    """Whether it accepts what a song should not contain."""
    voice: bool = False
    """Whether it accepts a choice of singer."""
    extras_with_prompt: bool = False
    """Whether it accepts these two for a song from a prompt too, not only in custom mode."""
    duration: bool = False
    """Whether it accepts a length for a song in custom mode."""
    duration_models: tuple[str, ...] = ("",)
    """Prefixes of the models that do; the empty one matches all."""
    avoid_in_prompt_max: int = 0
    """Maximum combined length of a prompt and what to avoid, in characters, if the prompt can carry both.
    It does so for songs requested from a service with a separate field; 0: it can't."""
    balance: bool = False
    """Whether it reports the operator's balance."""
    lyrics: LyricsDrafts | None = None
    """How it writes lyrics, if it does."""

    def takes_duration(self, model: str) -> bool:
        """Return whether a song of this model may have a chosen length."""
        return self.duration and model.startswith(self.duration_models)

    def not_taken(self, request: SongRequest) -> tuple[Option, ...]:
        """Return the options of a request that the service does not support."""
        in_prompt = len(request.prompt) + len(request.avoid) <= self.avoid_in_prompt_max
        taken = {
            Option.AVOID: not request.avoid
            or (self.avoid and (request.custom or self.extras_with_prompt or in_prompt)),
            Option.VOICE: request.voice is None or request.instrumental or (self.voice and request.custom),
            Option.DURATION: request.duration_s is None
            or (request.custom and self.takes_duration(request.model)),
        }
        return tuple(option for option in Option if not taken[option])


class Offer(Struct, frozen=True, kw_only=True):
    """The description of a service for the operator, with the defaults of its settings."""

    name: str
    """Its name in a sentence."""
    standing: str
    """Whether it makes songs today, in a few words."""
    is_open: bool
    """Whether it does; such services are offered first."""
    key_page: str
    """The page where an operator gets a key."""
    speaks: Callable[[str, JsonObject], "Contract"]
    """Builds the contract from the provider's name, if the service needs one, and the options."""
    url: str
    models: tuple[str, ...]
    """The models offered to members, the default first."""
    cheapest_model: str
    """The model of the song that an operator buys to check the service."""
    song_price: str
    """The price of that song, in words."""


class Contract(Protocol):
    """How to talk to one music service."""

    @property
    def backend(self) -> Backend:
        """The name under which jobs, breaker and settings know the service."""
        ...

    @property
    def key_setting(self) -> str:
        """The setting that holds the operator's key."""
        ...

    @property
    def url_setting(self) -> str:
        """The setting that holds the service's address."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Features of the service."""
        ...

    @property
    def models(self) -> Mapping[str, TextLimits]:
        """The models on sale, with their text limits; the first is the default."""
        ...

    @property
    def retired_models(self) -> frozenset[str]:
        """Models that the service still names, but has discontinued."""
        ...

    @property
    def usual_takes(self) -> int:
        """The number of songs that a task usually yields."""
        ...

    @property
    def submits_max(self) -> int:
        """Maximum requests within ``submits_window``, below the service's own limit."""
        ...

    @property
    def submits_window(self) -> timedelta:
        """The window in which new requests are counted."""
        ...

    @property
    def submit_path(self) -> str:
        """The path of the paid POST."""
        ...

    @property
    def balance_path(self) -> str | None:
        """The path that reports the balance, if any."""
        ...

    @property
    def song_cost(self) -> float | None:
        """Price of one song to the operator, in the service's own credits."""
        ...

    def body(self, request: SongRequest) -> dict[str, object]:
        """Build the JSON body of the paid POST."""
        ...

    def task_path(self, task_id: TaskId) -> str:
        """Return the path, with its query, that reports a task's status."""
        ...

    def read_submitted(
        self, status: int, body: bytes, sent: Iterable[str], retry_after_s: float | None
    ) -> wire.Submitted:
        """Read the answer to the paid POST, which may echo the member's texts, ``sent``."""
        ...

    def read_checked(self, status: int, body: bytes, origin: str) -> wire.Checked | wire.Busy:
        """Read the answer to a status query."""
        ...

    def read_balance(self, body: bytes) -> float | None:
        """Read the balance in the service's own credits; None if the answer has none."""
        ...


def described(backend: Backend) -> Offer:
    """Return a service's description, from the module of its name.

    Raises:
        TypeError: that module does not describe a service.
    """
    offer = import_module(f"bot.music.{backend}").OFFER
    if not isinstance(offer, Offer):
        raise TypeError(f"bot.music.{backend}.OFFER is no Offer")
    return offer
