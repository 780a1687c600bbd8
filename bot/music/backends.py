"""The supported music services: one module for each name in ``Backend``."""

from collections.abc import Mapping
from typing import Final

from bot.model import Backend
from bot.music.contract import Contract, Offer, described
from bot.music.json_answers import JsonObject
from bot.music.text_limits import TextLimits

OFFERS: Final[Mapping[Backend, Offer]] = {backend: described(backend) for backend in Backend}
"""Each service's description of itself."""


def plain_contract(backend: Backend) -> Contract:
    """Return the contract without the operator's settings, where they do not matter."""
    return contract(backend, provider="", options={})


def limits_of(model: str) -> TextLimits:
    """Return the text limits of a model at the service that sells it.

    A model not known to be on sale gets the usual limits: the service refuses what it does not accept.
    """
    for backend in OFFERS:
        if (limits := plain_contract(backend).models.get(model)) is not None:
            return limits
    return TextLimits()


def contract(backend: Backend, *, provider: str, options: JsonObject) -> Contract:
    """Return the contract of a service.

    ``provider`` is sent if the service needs one.
    """
    return OFFERS[backend].speaks(provider, options)
