"""Sources of settings: the environment, ``.env``, files of secrets and systemd's credentials."""

import codecs
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import settings
from bot.cli import cli
from bot.configuration.sources import (
    CREDENTIALS,
    ENV_FILE_SIZE_MAX,
    FILE_SUFFIX,
    SECRET_FILE_SIZE_MAX,
    is_typo,
)
from bot.errors import StartRefused
from bot.settings import accepted_names, examine, load, names, secret_fields
from tests.flows.process import ROOT

SECRET = "MTA5s3cr3tThatNobodyMayRead"
REQUIRED = {"DISCORD_TOKEN": SECRET, "MUSIC_API_KEY": SECRET}
SECRETS = secret_fields()
HOOK = f"https://discord.com/api/webhooks/1/{SECRET}"
FORMS = {
    "_url": f"https://discord.com/api/webhooks/1/{SECRET}",
    "_proxy": f"socks5://ada:{SECRET}@proxy:1080",
}
VALUES = {
    field: next((form for end, form in FORMS.items() if field.endswith(end)), f"{field}-{SECRET}")
    for field in SECRETS
}
VALUES["database_url"] = f"postgresql://bot:{SECRET}@localhost/tunesmith"


@pytest.fixture(autouse=True)
def required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provide the required settings and nothing else."""
    for name in list(os.environ):
        known = accepted_names()
        if name.upper() in known or any(is_typo(name.upper(), right) for right in known):
            monkeypatch.delenv(name)
    monkeypatch.delenv(CREDENTIALS, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def refusal() -> str:
    """Return the sentence with which the start is refused, which contains no secret."""
    with pytest.raises(StartRefused) as refused:
        load()

    assert SECRET not in str(refused.value)
    return str(refused.value)


def read(field: str) -> str:
    """Return a secret's value."""
    value: str = getattr(load(), field).get_secret_value()
    return value


def secret_file(field: str, content: str | bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a file with this content, and set it as the source of the secret."""
    name = field.upper()
    file = Path("secret")
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(0o600)
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(name + FILE_SUFFIX, str(file))
    return file


def credential(field: str, content: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    (folder / field).write_text(content)
    monkeypatch.setenv(CREDENTIALS, str(folder))


# -- files


def test_the_secrets_are_the_settings_shown_nowhere() -> None:
    named = {"discord_token", "music_api_key", "kie_api_key", "operator_webhook_url"}
    named |= {"discord_proxy", "music_proxy"}

    assert named <= set(SECRETS)
    assert "discord_api_url" not in SECRETS


@pytest.mark.parametrize("field", SECRETS)
@pytest.mark.parametrize("form", ["{}", "{}\n", "{}\r\n", "\ufeff{}\n", "{}\n\n"])
def test_every_secret_can_come_from_a_file(field: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file(field, form.format(VALUES[field]), monkeypatch)

    assert VALUES[field] == read(field)
    assert VALUES[field] in load().secrets


@pytest.mark.parametrize("field", SECRETS)
def test_the_name_of_a_secrets_file_may_be_in_dotenv(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = secret_file(field, VALUES[field], monkeypatch)
    monkeypatch.delenv(field.upper() + FILE_SUFFIX)
    Path(".env").write_text(f"{field.upper()}{FILE_SUFFIX}={file}\n")

    assert VALUES[field] == read(field)


@pytest.mark.parametrize("field", SECRETS)
def test_a_secret_and_its_file_cannot_both_be_set(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file(field, VALUES[field], monkeypatch)
    Path(".env").write_text(f"{field.upper()}={VALUES[field]}\n")

    name = field.upper()
    assert f"{name} and {name}_FILE are both set; keep only one of them." == refusal()


def test_an_empty_secret_next_to_its_file_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file("discord_token", SECRET, monkeypatch)
    monkeypatch.setenv("DISCORD_TOKEN", "")

    assert SECRET == read("discord_token")


@pytest.mark.parametrize("name", ["LOG_LEVEL_FILE", "SONG_CREDITS_FILE"])
def test_only_secrets_can_come_from_files(name: str) -> None:
    Path(".env").write_text(f"{name}=value\n")

    assert f"{name} in .env is not a Tunesmith setting; remove it or correct its name." == refusal()


def test_a_slip_in_the_name_of_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN_FIEL", "secret")

    assert refusal().startswith("DISCORD_TOKEN_FIEL in the environment looks like a typo of")


def _replace_by(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a function that replaces a file by something else."""

    def replace(file: Path) -> None:
        file.unlink()
        make(file)

    return replace


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "does not exist."),
    "empty": (lambda file: file.write_bytes(b""), "is empty."),
    "blank": (lambda file: file.write_bytes(b"\n\r\n"), "is empty."),
    "mark only": (lambda file: file.write_bytes(codecs.BOM_UTF8), "is empty."),
    "large": (
        lambda file: file.write_bytes(b"x" * (SECRET_FILE_SIZE_MAX + 1)),
        f"is larger than {SECRET_FILE_SIZE_MAX:,} bytes.",
    ),
    "UTF-16": (
        lambda file: file.write_bytes(SECRET.encode("utf-16")),
        "can't be read; it must be a UTF-8 text file, not UTF-16.",
    ),
    "Latin-1": (
        lambda file: file.write_bytes(b"\xe9" + SECRET.encode()),
        "can't be read; it must be a UTF-8 text file.",
    ),
    "UTF-16 without a mark": (
        lambda file: file.write_bytes(SECRET.encode("utf-16-be")),
        "can't be read; it must be a UTF-8 text file, not UTF-16.",
    ),
    "folder": (_replace_by(Path.mkdir), "is not a regular file."),
    "pipe": (_replace_by(os.mkfifo), "is not a regular file."),
    "loop": (
        _replace_by(lambda file: file.symlink_to(file)),
        "can't be read (Too many levels of symbolic links).",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("by", ["file", "credential"])
def test_a_file_that_cannot_be_used_is_named(
    case: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, said = UNREADABLE[case]
    if by == "file":
        spoil(secret_file("discord_token", SECRET, monkeypatch))
        subject = "DISCORD_TOKEN_FILE names a file that"
    else:
        monkeypatch.delenv("DISCORD_TOKEN")
        credential("discord_token", SECRET, tmp_path / "credentials", monkeypatch)
        spoil(tmp_path / "credentials" / "discord_token")
        subject = "The credential discord_token"

    if (case, by) == ("missing", "credential"):
        assert refusal().startswith("DISCORD_TOKEN is missing;")
    else:
        assert f"{subject} {said}" == refusal()


def test_a_file_without_permission_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file("discord_token", SECRET, monkeypatch)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "DISCORD_TOKEN_FILE names a file that can't be read (Permission denied)." == refusal()


@pytest.mark.parametrize("value", [SECRET, f"Bot {SECRET}", SECRET * 200])
def test_a_secret_in_place_of_its_path_is_not_repeated(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"DISCORD_TOKEN_FILE={value}\n")
    monkeypatch.delenv("DISCORD_TOKEN")

    assert refusal().startswith("DISCORD_TOKEN_FILE names a file that ")


def test_a_files_content_is_checked_like_any_value(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file("discord_token", f"{SECRET}\nsecond line\n", monkeypatch)

    assert "DISCORD_TOKEN contains characters that no token has; copy it again." == refusal()


# -- credentials


@pytest.mark.parametrize("field", SECRETS)
def test_every_secret_can_be_a_credential(
    field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(field.upper(), raising=False)
    credential(field, f"{VALUES[field]}\n", tmp_path / "credentials", monkeypatch)

    assert VALUES[field] == read(field)


def test_a_credential_and_another_source_cannot_both_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential("discord_token", SECRET, tmp_path / "credentials", monkeypatch)

    assert "DISCORD_TOKEN and the credential discord_token are both set; keep only one of them." == refusal()


@pytest.mark.parametrize("folder", ["", "gone", "/proc/nowhere"])
def test_a_folder_of_credentials_may_be_absent(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CREDENTIALS, folder)

    assert SECRET == read("discord_token")


@pytest.mark.parametrize("field", SECRETS)
def test_the_unit_passes_every_secret_that_is_stored(field: str) -> None:
    unit = (ROOT / "deploy" / "tunesmith.service").read_text("utf-8")

    assert 1 == unit.splitlines().count(f"LoadCredential={field}:tunesmith.{field}")


# -- quotes


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_that_docker_keeps_are_named(name: str, quote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f"{quote}{SECRET}{quote}")

    assert f"{name} is in quotes, which `docker run --env-file` keeps; remove them." == refusal()


def test_quotes_in_env_are_not_part_of_a_value() -> None:
    Path(".env").write_text("GUILDS=\"4, 5\"\nMUSIC_PROVIDER='kie'\n")

    assert {4, 5} == load().guilds
    assert "kie" == load().music_provider


# -- .env


def test_env_may_begin_with_a_byte_order_mark() -> None:
    Path(".env").write_bytes(codecs.BOM_UTF8 + b"SONG_CREDITS=7\n")

    assert 7 == load().song_credits


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_env_in_a_wide_encoding_is_named(encoding: str) -> None:
    Path(".env").write_bytes("SONG_CREDITS=7\n".encode(encoding))

    assert refusal().startswith(".env can't be read; it must be a UTF-8 text file")


def test_env_that_is_a_folder_is_named() -> None:
    Path(".env").mkdir()

    assert ".env is not a regular file." == refusal()


def test_env_that_is_too_large_is_named() -> None:
    Path(".env").write_bytes(b"#" * (ENV_FILE_SIZE_MAX + 1))

    assert f".env is larger than {ENV_FILE_SIZE_MAX:,} bytes." == refusal()


def test_a_name_without_a_value_is_named_by_its_line() -> None:
    Path(".env").write_text("\n# the level\n\nLOG_LEVEL\n")

    assert "Line 4 of .env is not of the form NAME=value." == refusal()


# -- warnings


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True)]
)
def test_env_that_others_can_read_is_a_warning(mode: int, warned: bool) -> None:
    Path(".env").touch()
    Path(".env").chmod(mode)

    expected = [".env is readable by others; run `chmod 600 .env`."] if warned else []
    assert expected == examine().warnings


def test_a_group_may_read_the_file_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").touch()
    Path(".env").chmod(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)

    assert [] == examine().warnings
    Path(".env").chmod(0o644)
    assert 1 == len(examine().warnings)


def test_a_secrets_file_that_others_can_read_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file("discord_token", SECRET, monkeypatch).chmod(0o644)

    assert ["DISCORD_TOKEN_FILE is readable by others; run `chmod 600 secret`."] == examine().warnings
    monkeypatch.setattr(os, "geteuid", lambda: 10001)  # as in a container, where it belongs to root
    assert [] == examine().warnings


# -- all at once


def test_all_missing_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REQUIRED:
        monkeypatch.delenv(name)

    assert (
        "DISCORD_TOKEN and MUSIC_API_KEY are missing; set them in the environment or in .env, "
        "or run `tunesmith init`."
    ) == refusal()


def shown(*, status: int) -> tuple[dict[str, tuple[str, str]], str]:
    """Return the origin and value of each setting shown by ``tunesmith config``, and its other output."""
    result = CliRunner().invoke(cli, ["config"])

    assert status == result.exit_code, result.output
    assert SECRET not in result.output
    rows = [[part for part in line.split("  ") if part] for line in result.stdout.splitlines()]
    return {name: (origin.strip(), " ".join(rest).strip()) for name, origin, *rest in rows}, result.stderr


def test_config_shows_each_setting_and_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file("kie_api_key", SECRET, monkeypatch)
    credential("operator_webhook_url", HOOK, tmp_path / "credentials", monkeypatch)
    Path(".env").write_text("# mine\nGUILDS=5,4\n\nMUSIC_EXTRAS=on\nHTTP_LISTEN=\n")
    Path(".env").chmod(0o600)
    monkeypatch.setenv("SONG_CREDITS", "7")
    rows, said = shown(status=0)

    assert [*names()] == [*rows]
    assert "" == said
    expected = {
        "DISCORD_TOKEN": ("environment", "(hidden)"),
        "KIE_API_KEY": ("file secret", "(hidden)"),
        "OPERATOR_WEBHOOK_URL": ("credential operator_webhook_url", "(hidden)"),
        "SONG_CREDITS": ("environment", "7"),
        "GUILDS": (".env, line 2", "4,5"),
        "MUSIC_EXTRAS": (".env, line 4", "on"),
        "HTTP_LISTEN": (".env, line 5", "(none)"),
        "GUILD_CREDITS": ("default", "100"),
        "MUSIC_MODELS": ("default", "V5"),
        "MUSIC_OPTIONS": ("default", "{}"),
    }
    assert expected == {name: rows[name] for name in expected}


def test_config_shows_what_is_wrong_with_each_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    monkeypatch.setenv("LOG_LEVEL", SECRET)
    monkeypatch.setenv("MUSIC_BACKEND", "kie")
    monkeypatch.setenv("SONG_CREDIT", "7")
    Path(".env").write_text("SONG_PRICE=7\n")
    Path(".env").chmod(0o644)
    rows, said = shown(status=1)

    assert rows["DISCORD_TOKEN"][1].startswith("(missing) DISCORD_TOKEN is missing;")
    assert rows["KIE_API_KEY"][1].startswith("(missing) KIE_API_KEY is missing;")
    assert (
        "environment",
        "(invalid) LOG_LEVEL must be one of DEBUG, INFO, WARNING or ERROR.",
    ) == rows["LOG_LEVEL"]
    assert "V6,V6_MINI,V6_WILD" == rows["MUSIC_MODELS"][1]
    for sentence in (
        "SONG_PRICE in .env is not a Tunesmith setting",
        "SONG_CREDIT in the environment looks like a typo of SONG_CREDITS",
        "DISCORD_TOKEN and KIE_API_KEY are missing",
        ".env is readable by others",
    ):
        assert sentence in said


def test_prompted_answers_replace_a_files_values(monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file("discord_token", "in-the-file", monkeypatch)

    answered = settings.with_answers({"discord_token": "answered"})
    assert "answered" == answered.discord_token.get_secret_value()
