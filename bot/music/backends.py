"""The music services that the bot can talk to: one module for each name in ``Backend``."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from bot.model import Backend
from bot.music.contract import Contract, Offer
from bot.music.json_answers import JsonObject
from bot.music.text_limits import Limits


def described(backend: Backend) -> Offer:
    """Return the description of a service, which stands in the module of its name.

    Raises:
        TypeError: that module describes no service.
    """
    offer = import_module(f"bot.music.{backend}").OFFER
    if not isinstance(offer, Offer):
        raise TypeError(f"bot.music.{backend}.OFFER is no Offer")
    return offer


OFFERS: Final[Mapping[Backend, Offer]] = {backend: described(backend) for backend in Backend}


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
