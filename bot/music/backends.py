"""The music services that the bot can talk to: one entry each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.model import Backend
from bot.music.contract import Contract
from bot.music.kie import Kie
from bot.music.reading import JsonObject
from bot.music.sseedance import Sseedance
from bot.music.text_limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Defaults that follow from the choice of a service."""

    speaks: Callable[[str, JsonObject], Contract]
    """Makes the contract from the provider's name, where the service asks for one, and the options."""
    url: str
    models: tuple[str, ...]
    """The models that members are offered, the default first."""
    cheapest_model: str
    """The model of the song that an operator buys to check the service."""
    song_price: str
    """Price of one song in words."""


OFFERS: Final[Mapping[Backend, Offer]] = {
    Backend.SSEEDANCE: Offer(
        speaks=lambda provider, options: Sseedance(provider=provider, options=options),
        url="https://sseedance.com",
        models=("V5",),
        cheapest_model="V5",
        song_price="10 credits of your account",
    ),
    Backend.KIE: Offer(
        speaks=lambda _, options: Kie(options=options),
        url="https://api.kie.ai",
        models=("V6", "V6_MINI", "V6_WILD"),
        cheapest_model="V6_MINI",
        song_price="12 credits of your account, about $0.06",
    ),
}


def plain_contract(backend: Backend) -> Contract:
    """Return the contract without the operator's settings, for all that does not depend on them."""
    return contract(backend, provider="", options={})


def limits_of(model: str) -> Limits:
    """Return the text limits of a model at the service that sells it.

    A model that no service is known to sell gets the usual ones: the service refuses what it does not accept.
    """
    for backend in OFFERS:
        if (limits := plain_contract(backend).models.get(model)) is not None:
            return limits
    return Limits()


def contract(backend: Backend, *, provider: str, options: JsonObject) -> Contract:
    """Return the contract of a service. ``provider`` is sent where the service asks for one."""
    return OFFERS[backend].speaks(provider, options)
