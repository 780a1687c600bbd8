"""The checks of each setting, whose fields ``bot.settings`` declares."""

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bot.configuration.service_fields import KEY_FIELDS, URL_FIELDS
from bot.configuration.values import (
    PORT_DIGITS_MAX,
    PORT_MAX,
    URL_MAX,
    check_names,
    is_loopback,
    is_netloc,
    is_postgresql,
    is_snowflake,
)
from bot.database.opening import POSTGRESQL, SQLITE
from bot.model import Backend
from bot.music.backends import OFFERS
from bot.proxies import parse_proxy

MODELS_MAX: Final = 25
"""Maximum number of choices of a command option.
Source: https://docs.discord.com/developers/interactions/application-commands."""
QUOTES: Final = ("'", '"')


class Checked(BaseModel):
    """The validators of all settings. Each sentence goes on from the setting's name."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, validate_default=True)

    @field_validator("discord_token", *KEY_FIELDS.values(), mode="before", check_fields=False)
    @classmethod
    def _check_header_safe(cls, value: object) -> object:
        if isinstance(value, str) and not (value.isascii() and value.isprintable() and " " not in value):
            raise ValueError("contains characters that no token has; copy it again")
        return value

    @field_validator(*KEY_FIELDS.values(), check_fields=False)
    @classmethod
    def _require_key_of_backend(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        backend = info.data.get("music_backend")
        if value is None and backend is not None and info.field_name == KEY_FIELDS[backend]:
            raise PydanticCustomError("missing", "required")
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_to_models_of_backend(cls, values: dict[str, Any]) -> dict[str, Any]:
        backend = str(values.get("music_backend") or Backend.SSEEDANCE).strip().lower()
        if not values.get("music_models") and backend in set(Backend):
            return values | {"music_models": OFFERS[Backend(backend)].models}
        return values

    @field_validator("operator_webhook_url", check_fields=False)
    @classmethod
    def _check_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is None else SecretStr(cls._check_url(value.get_secret_value()))

    @field_validator("discord_proxy", "music_proxy", check_fields=False)
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            proxy = parse_proxy(value.get_secret_value())
            if not is_netloc(proxy.address.partition("://")[2]):
                raise ValueError("must be a URL like http://proxy.example:3128 or socks5://127.0.0.1:1080")
        return value

    @field_validator("discord_api_url", *URL_FIELDS.values(), check_fields=False)
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if (
            not host
            or not is_netloc(parts.netloc.rpartition("@")[2])
            or parts.scheme not in ("https", "http")
            or port == 0
            or not (value.isascii() and value.isprintable() and len(value) <= URL_MAX)
        ):
            raise ValueError("must be a URL that begins with https://")
        if "@" in parts.netloc or any(char in "?#\\" or char.isspace() for char in value):
            raise ValueError("must be a URL without a user name, a question mark or a hash sign")
        if parts.scheme == "http" and not is_loopback(host):
            raise ValueError("must begin with https://; http:// is allowed only for this machine (127.0.0.1)")
        return value.rstrip("/")

    @field_validator("discord_api_url", check_fields=False)
    @classmethod
    def _add_api_version(cls, value: str) -> str:
        path = urlsplit(value).path
        return value + {"": "/api/v10", "/api": "/v10"}.get(path, "")

    @field_validator("music_provider", check_fields=False)
    @classmethod
    def _check_one_word(cls, value: str) -> str:
        return check_names([value], "must be one word")[0]

    @field_validator("music_models", mode="before", check_fields=False)
    @classmethod
    def _parse_models(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = check_names(
            [name.strip() for name in value.split(",")], "must be model names separated by commas"
        )
        if len(set(names)) != len(names) or len(names) > MODELS_MAX:
            raise ValueError(f"must be up to {MODELS_MAX} different model names")
        return tuple(names)

    @field_validator("guilds", mode="before", check_fields=False)
    @classmethod
    def _parse_guilds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        ids = [part.strip() for part in value.split(",")]
        if not all(is_snowflake(part) for part in ids):
            raise ValueError("must be server ids separated by commas")
        return frozenset(map(int, ids))

    @field_validator("music_options", mode="before", check_fields=False)
    @classmethod
    def _parse_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
            # Infinity and lone surrogates can be parsed, but not sent.
            json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ValueError('must be a JSON object like {"styleWeight": 0.6}')  # noqa: TRY004 - a bad value
        return parsed

    @field_validator("spool_dir", "database_url", mode="before", check_fields=False)
    @classmethod
    def _check_printable(cls, value: object) -> object:
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("contains characters that no path has")
        return value

    @field_validator("database_url", check_fields=False)
    @classmethod
    def _check_database_url(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url.startswith(POSTGRESQL):
            if not is_postgresql(url):
                raise ValueError("must name a user and a database, like postgresql://user:password@host/name")
        elif not url.startswith(SQLITE) or not Path(url.removeprefix(SQLITE)).name:
            raise ValueError(
                "must be sqlite:/// followed by the path of a file, like sqlite:///data/tunesmith.db"
            )
        return value

    @field_validator("processes", check_fields=False)
    @classmethod
    def _check_processes(cls, value: int, info: ValidationInfo) -> int:
        url = info.data.get("database_url")
        if value > 1 and url is not None and not url.get_secret_value().startswith(POSTGRESQL):
            raise ValueError("needs a PostgreSQL database; set DATABASE_URL to its address")
        return value

    @field_validator("shard_count", check_fields=False)
    @classmethod
    def _check_shard_count(cls, value: int | None, info: ValidationInfo) -> int | None:
        processes = info.data.get("processes", 1)
        if value is not None and value % processes:
            raise ValueError(f"must be a multiple of PROCESSES, {processes}")
        return value

    @field_validator("http_listen", check_fields=False)
    @classmethod
    def _check_listen(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (
            value.isascii()
            and host
            and is_netloc(value)
            and len(port) <= PORT_DIGITS_MAX
            and int(port) <= PORT_MAX
        ):
            raise ValueError("must be an address and a port, like 127.0.0.1:8080, or empty for no server")
        return value

    @field_validator("music_backend", "log_format", "new_guilds", mode="before", check_fields=False)
    @classmethod
    def _to_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before", check_fields=False)
    @classmethod
    def _to_upper_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    # Of the "before" validators, the last one defined runs first.
    @field_validator("*", mode="before")
    @classmethod
    def _check_no_quotes(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith(QUOTES) and value[-1] == value[0]:
            raise ValueError("is in quotes, which `docker run --env-file` keeps; remove them")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _check_no_padding(cls, value: object) -> object:
        if isinstance(value, str) and value != value.strip():
            raise ValueError("has a space at the start or end; remove it")
        return value
