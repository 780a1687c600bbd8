"""The settings that each music service adds: its key and its address."""

from typing import Any, Final

from pydantic import Field, SecretStr

from bot.music.backends import OFFERS, plain_contract

CONTRACTS: Final = {backend: plain_contract(backend) for backend in OFFERS}
KEY_FIELDS: Final = {backend: its.key_setting.lower() for backend, its in CONTRACTS.items()}
URL_FIELDS: Final = {backend: its.url_setting.lower() for backend, its in CONTRACTS.items()}
"""The fields that hold each service's key and address, as its contract names them."""
REQUIRED_FIELDS: Final = ("discord_token", *KEY_FIELDS.values())
"""The secrets that may be required; which key is depends on the service."""


def service_fields() -> dict[str, Any]:
    """Return the fields that each music service adds: its key and its address."""
    fields: dict[str, Any] = {}
    for backend, offer in OFFERS.items():
        key = Field(
            default=None,
            validate_default=True,
            description=f"The API key for {offer.name}. Required with MUSIC_BACKEND={backend}. While it is "
            "set, songs that were submitted there are finished there, whatever MUSIC_BACKEND says.",
        )
        fields[KEY_FIELDS[backend]] = (SecretStr | None, key)
        fields[URL_FIELDS[backend]] = (
            str,
            Field(default=offer.url, description=f"Base URL of {offer.name}."),
        )
    return fields
