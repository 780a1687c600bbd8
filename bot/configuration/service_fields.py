"""The settings that each music service adds: its key and its address."""

from typing import Any, Final

import attrs

from bot.configuration import validation
from bot.configuration.fields import Missing, Secret, setting
from bot.music.backends import OFFERS, plain_contract

CONTRACTS: Final = {backend: plain_contract(backend) for backend in OFFERS}
KEY_FIELDS: Final = {backend: its.key_setting.lower() for backend, its in CONTRACTS.items()}
URL_FIELDS: Final = {backend: its.url_setting.lower() for backend, its in CONTRACTS.items()}
"""The fields that hold each service's key and address, as its contract names them."""
REQUIRED_FIELDS: Final = ("discord_token", *KEY_FIELDS.values())
"""Secrets that may be required; MUSIC_BACKEND determines which of the keys is."""


def with_service_fields(_: type, fields: "list[attrs.Attribute[Any]]") -> "list[attrs.Attribute[Any]]":
    """Add the key and the address of each music service to the fields of the settings."""
    return [*fields, *attrs.fields(attrs.make_class("Services", _service_fields(), kw_only=True))]


def _service_fields() -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for backend, offer in OFFERS.items():
        fields[KEY_FIELDS[backend]] = setting(
            validation.read_token,
            default=None,
            validator=_require_key_of_backend,
            description=f"The API key for {offer.name}. Required with MUSIC_BACKEND={backend}. While it is "
            "set, songs already submitted there are finished there, whatever MUSIC_BACKEND says.",
            secret=True,
        )
        fields[URL_FIELDS[backend]] = setting(
            validation.read_url, default=offer.url, description=f"Base URL of {offer.name}."
        )
    return fields


def _require_key_of_backend(others: Any, field: "attrs.Attribute[Any]", value: Secret | None) -> None:  # noqa: ANN401 - see fields.Validator
    backend = getattr(others, "music_backend", None)
    if value is None and backend is not None and field.name == KEY_FIELDS[backend]:
        raise Missing("required")
