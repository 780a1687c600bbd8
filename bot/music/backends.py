"""The music services that the bot can talk to: one line each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.model import Backend
from bot.music.contract import Capabilities, Contract
from bot.music.kie import Kie
from bot.music.reading import JsonObject
from bot.music.sseedance import Sseedance


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What an operator who chooses a service gets unless they set something else."""

    url: str
    models: tuple[str, ...]


OFFERS: Final[Mapping[Backend, Offer]] = {
    Backend.SSEEDANCE: Offer(url="https://sseedance.com", models=("V5",)),
    Backend.KIE: Offer(url="https://api.kie.ai", models=("V6", "V6_MINI", "V6_WILD")),
}


def capabilities(backend: Backend) -> Capabilities:
    """Return what a service can do."""
    return contract(backend, provider="", options={}).capabilities


def contract(backend: Backend, *, provider: str, options: JsonObject) -> Contract:
    """Return the contract of a service. ``provider`` is sent where the service asks for one."""
    match backend:
        case Backend.SSEEDANCE:
            return Sseedance(provider=provider, options=options)
        case Backend.KIE:
            return Kie(options=options)
