"""Settings in the environment or .env, and the one sentence that refuses a wrong one."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from bot.configuration.fields import Missing, Secret
from bot.configuration.sources import is_typo
from bot.errors import StartRefused
from bot.model import Backend, GuildId
from bot.settings import Settings, accepted_names, examine, load, names
from bot.store.servers import ServerPolicy

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SECRET = "MTA5s3cr3tThatNobodyMayRead"
REQUIRED = {"DISCORD_TOKEN": SECRET, "MUSIC_API_KEY": f"sk-{SECRET}"}


@pytest.fixture(autouse=True)
def required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provide the required settings and nothing else: no other environment, no .env."""
    for name in list(os.environ):
        if name.upper() in accepted_names() or any(
            is_typo(name.upper(), right) for right in accepted_names()
        ):
            monkeypatch.delenv(name)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def refusal() -> str:
    """Return the sentence with which the start is refused, after checking that it leaks no secret."""
    with pytest.raises(StartRefused) as refused:
        load()
    sentence = str(refused.value)

    assert SECRET not in sentence
    assert SECRET not in repr(refused.value.__context__)
    assert SECRET not in repr(refused.value.__cause__)
    return sentence


def values() -> dict[str, object]:
    """Return the loaded settings, with their secrets in plain text."""
    found = attrs.asdict(load())
    return {
        name: value.get_secret_value() if isinstance(value, Secret) else value
        for name, value in found.items()
    }


# -- the example


def entries() -> dict[str, tuple[str, str]]:
    """Return the name, the value and the preceding comment of every setting in the example."""
    found = re.findall(r"((?:^#.*\n)*)^([A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    return {
        name: (value, " ".join(line.removeprefix("#").strip() for line in comment.splitlines()))
        for comment, name, value in found
    }


def test_the_example_documents_every_setting_and_nothing_else() -> None:
    assert sorted(names()) == sorted(entries())


def test_the_example_shows_the_defaults() -> None:
    given = Settings(discord_token=SECRET, music_api_key=SECRET)  # type: ignore[arg-type,call-arg]

    assert given == attrs.evolve(
        load(EXAMPLE),
        discord_token=given.discord_token,
        music_api_key=Secret(SECRET),  # type: ignore[call-arg]
    )


@pytest.mark.parametrize("name", names())
def test_the_example_says_what_a_setting_is_for(name: str) -> None:
    assert entries()[name][1].startswith(attrs.fields_dict(Settings)[name.lower()].metadata["description"])


@pytest.mark.parametrize("name", REQUIRED)
def test_the_example_shows_required_settings_without_a_value(name: str) -> None:
    assert ("", True) == (entries()[name][0], "Required" in entries()[name][1])


# -- sources of settings


def test_the_environment_overrides_the_settings_file(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("SONG_CREDITS=7\nGUILD_CREDITS=70\n", "utf-8")
    monkeypatch.setenv("SONG_CREDITS", "8")

    assert (8, 70) == (load().song_credits, load().guild_credits)


@pytest.mark.parametrize("written", ["", "\ufeff", "export "])
def test_a_file_may_begin_as_editors_and_shells_write_it(env_file: Path, written: str) -> None:
    env_file.write_text(f"{written}SONG_CREDITS='7' # seven\r\n", "utf-8")

    assert 7 == load().song_credits


@pytest.mark.parametrize("name", sorted(set(names()) - {*REQUIRED, "HTTP_LISTEN"}))
def test_an_empty_value_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    default = getattr(load(), name.lower())
    monkeypatch.setenv(name, "")

    assert default == getattr(load(), name.lower())


@pytest.mark.parametrize(
    ("in_environment", "in_file", "listens"),
    [
        (None, None, ("127.0.0.1", 8080)),
        (None, "", None),
        ("", None, None),
        ("", "0.0.0.0:80", None),
        ("0.0.0.0:80", "", ("0.0.0.0", 80)),  # noqa: S104 - nothing listens there
        (None, "[::1]:0", ("::1", 0)),
    ],
)
def test_an_empty_listen_address_disables_the_server(
    in_environment: str | None,
    in_file: str | None,
    listens: tuple[str, int] | None,
    env_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if in_environment is not None:
        monkeypatch.setenv("HTTP_LISTEN", in_environment)
    if in_file is not None:
        env_file.write_text(f"HTTP_LISTEN={in_file}\n", "utf-8")

    assert listens == load().listen


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("DISCORD_API_URL", "https://discord.com", "https://discord.com/api/v10"),
        ("DISCORD_API_URL", "https://proxy.example/api/", "https://proxy.example/api/v10"),
        ("DISCORD_API_URL", "http://127.0.0.1:8081/api/v10", "http://127.0.0.1:8081/api/v10"),
        ("MUSIC_API_URL", "http://localhost:8090/", "http://localhost:8090"),
        ("MUSIC_API_URL", "http://[::1]:8090", "http://[::1]:8090"),
        ("MUSIC_MODELS", "V5, V4_5", ("V5", "V4_5")),
        ("MUSIC_OPTIONS", '{"styleWeight": 0.6}', {"styleWeight": 0.6}),
        (
            "OPERATOR_WEBHOOK_URL",
            "https://discord.com/api/webhooks/1/x",
            "https://discord.com/api/webhooks/1/x",
        ),
        ("SPOOL_DIR", "songs", Path("songs")),
        ("SONG_CREDITS", "0", 0),
        ("GUILD_CREDITS", "1000000000", 10**9),
        ("CREDIT_PERIOD", "week", "week"),
        ("MUSIC_EXTRAS", "on", True),
        ("MUSIC_LYRICS", "False", False),
        ("POLL_PACE", "0.5", 0.5),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_FORMAT", "JSON", "json"),
        ("HTTP_LISTEN", "localhost:9100", "localhost:9100"),
    ],
)
def test_a_valid_value_is_read(name: str, value: str, read: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    assert read == values()[name.lower()]


def test_the_database_is_set_by_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////var/lib/tunesmith.db")

    assert Path("/var/lib/tunesmith.db") == load().database_path


# -- refused values


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_value_is_named_with_its_purpose(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)
    what_for = attrs.fields_dict(Settings)[name.lower()].metadata["description"]

    assert f"{name} is missing; set it in the environment or in .env. {what_for}" == refusal()


@pytest.mark.parametrize("name", REQUIRED)
def test_an_empty_required_value_counts_as_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")

    assert refusal().startswith(f"{name} is missing;")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("padded", [f" {SECRET}", f"{SECRET} ", f"{SECRET}\n", f"\u00a0{SECRET}"])
def test_a_padded_value_is_refused(name: str, padded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, padded)

    assert f"{name} has a space at the start or end; remove it." == refusal()


@pytest.mark.parametrize("typed", ["DISCORD_TOKN", "DISCORD_TOKENS", "DISCORD_TOKEM", "DISOCRD_TOKEN"])
def test_a_slightly_misspelt_name_is_refused(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    monkeypatch.setenv(typed, SECRET)

    assert f"{typed} in the environment looks like a typo of DISCORD_TOKEN; correct its name." == refusal()


def test_other_names_in_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "TOKEN", "DISCORD", "MY_DISCORD_TOKEN", "DISCORD_TOKEN_2"):
        monkeypatch.setenv(name, "whatever")

    assert SECRET == values()["discord_token"]


@pytest.mark.parametrize("name", ["DISCORD_TOKN", "SONG_PRICE", "PATH"])
def test_an_unknown_name_in_the_file_is_refused(name: str, env_file: Path) -> None:
    env_file.write_text(f"SONG_CREDITS=7\n{name}={SECRET}\n", "utf-8")

    assert f"{name} in .env is not a Tunesmith setting; remove it or correct its name." == refusal()


@pytest.mark.parametrize(
    "line",
    [SECRET, f"{SECRET}==", f"DISCORD_TOKEN:{SECRET}", f"DISCORD_TOKEN: {SECRET}", f"{SECRET}.x_y.z-a=b"],
)
def test_a_secret_in_place_of_a_name_is_not_repeated(line: str, env_file: Path) -> None:
    env_file.write_text(f"SONG_CREDITS=7\n{line}\n", "utf-8")

    assert ".env" in refusal()


@pytest.mark.parametrize("line", ["SONG_CREDITS='20", 'MUSIC_API_KEY="half', "= 7"])
def test_an_unreadable_line_is_refused_and_not_skipped(line: str, env_file: Path) -> None:
    env_file.write_text(f"GUILD_CREDITS=70\n{line}\n", "utf-8")

    assert ".env" in refusal()


def test_a_utf_16_settings_file_is_refused(env_file: Path) -> None:
    env_file.write_bytes("SONG_CREDITS=7".encode("utf-16"))

    assert ".env can't be read; it must be a UTF-8 text file, not UTF-16." == refusal()


ADDRESS = "must be a URL that begins with https://."
PLAIN = "must be a URL without a user name, a question mark or a hash sign."
OBJECT = 'must be a JSON object like {"styleWeight": 0.6}.'
SERVER = "must name a user and a database, like postgresql://user:password@host/name."
FILE = "must be sqlite:/// followed by the path of a file, like sqlite:///data/tunesmith.db."
MODELS = "must be model names separated by commas."
LISTEN = "must be an address and a port, like 127.0.0.1:8080, or empty for no server."


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DISCORD_TOKEN", f"Bot {SECRET}", "contains characters that no token has; copy it again."),
        ("MUSIC_API_KEY", f"{SECRET}\u00e9", "contains characters that no token has; copy it again."),
        ("DISCORD_API_URL", f"ftp://{SECRET}", ADDRESS),
        ("DISCORD_API_URL", SECRET, ADDRESS),
        ("MUSIC_API_URL", f"https://:443/{SECRET}", ADDRESS),
        ("MUSIC_API_URL", f"https://{SECRET}:99999", ADDRESS),
        ("MUSIC_API_URL", f"https://[::1/{SECRET}", ADDRESS),
        ("MUSIC_API_URL", f"https://me:{SECRET}@example.com", PLAIN),
        ("MUSIC_API_URL", f"https://example.com?key={SECRET}", PLAIN),
        ("MUSIC_API_URL", f"https://example.com/#{SECRET}", PLAIN),
        (
            "MUSIC_API_URL",
            f"http://{SECRET}.example.com",
            "must begin with https://; http:// is allowed only for this machine (127.0.0.1).",
        ),
        ("OPERATOR_WEBHOOK_URL", SECRET, ADDRESS),
        ("OPERATOR_WEBHOOK_URL", f"https://discord.com/api/webhooks/1/{SECRET}?wait=true", PLAIN),
        ("MUSIC_PROVIDER", f"kie {SECRET}", "must be one word."),
        ("MUSIC_MODELS", f"V5,,{SECRET}", MODELS),
        ("MUSIC_MODELS", f"V5 {SECRET}", MODELS),
        ("MUSIC_MODELS", SECRET * 2, MODELS),
        ("MUSIC_MODELS", f"{SECRET},{SECRET}", "must be up to 25 different model names."),
        ("MUSIC_MODELS", ",".join(f"V{n}" for n in range(26)), "must be up to 25 different model names."),
        ("MUSIC_OPTIONS", f'["{SECRET}"]', OBJECT),
        ("MUSIC_OPTIONS", f'{{"a": {SECRET}}}', OBJECT),
        ("DATABASE_URL", f"mysql://bot:{SECRET}@localhost/tunesmith", FILE),
        ("DATABASE_URL", f"postgresql://bot:{SECRET}@localhost", SERVER),
        ("DATABASE_URL", f"postgresql://bot:{SECRET}@localhost:x/tunesmith", SERVER),
        ("DATABASE_URL", "sqlite:///", FILE),
        ("DATABASE_URL", f"sqlite://{SECRET}", FILE),
        ("PROCESSES", "2", "needs a PostgreSQL database; set DATABASE_URL to its address."),
        ("PROCESSES", "65", "must be at most 64."),
        ("PROCESSES", "0", "must be at least 1."),
        ("SHARD_COUNT", "0", "must be at least 1."),
        ("SONG_CREDITS", "-1", "must be at least 0."),
        ("SONG_CREDITS", SECRET, "must be a whole number."),
        ("GUILD_CREDITS", "99.5", "must be a whole number."),
        ("GUILD_CREDITS", "1000000001", "must be at most 1000000000."),
        ("GUILD_CREDITS", "9" * 5_000, "must be a whole number."),
        ("CREDIT_PERIOD", SECRET, "must be one of day, week or month."),
        ("GUILDS", SECRET, "must be server ids separated by commas."),
        ("GUILDS", "5,", "must be server ids separated by commas."),
        ("GUILDS", "9" * 20, "must be server ids separated by commas."),
        ("MUSIC_EXTRAS", SECRET, "must be on or off."),
        ("NEW_GUILDS", SECRET, "must be one of all or none."),
        ("TOTAL_CREDITS_MAX", "-1", "must be at least 0."),
        ("OPEN_JOBS_PER_MEMBER", "0", "must be at least 1."),
        ("OPEN_JOBS_PER_GUILD", "0", "must be at least 1."),
        ("POLL_PACE", "0", "must be at least 0.001."),
        ("POLL_PACE", "100.5", "must be at most 100.0."),
        ("POLL_PACE", "nan", "must be a number."),
        ("POLL_PACE", "inf", "must be a number."),
        ("POLL_PACE", SECRET, "must be a number."),
        ("LOG_LEVEL", SECRET, "must be one of DEBUG, INFO, WARNING or ERROR."),
        ("LOG_FORMAT", SECRET, "must be one of console or json."),
        ("HTTP_LISTEN", SECRET, LISTEN),
        ("HTTP_LISTEN", f"{SECRET}:65536", LISTEN),
    ],
)
def test_an_impossible_value_is_refused_and_not_shown(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    assert f"{name} {said}" == refusal()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MUSIC_API_URL", f"https://exa mple.com/{SECRET}"),
        ("MUSIC_API_URL", f"https://example.com/{SECRET}\x01"),
        ("MUSIC_API_URL", f"https://exam\\ple.com/{SECRET}"),
        ("MUSIC_API_URL", "https://example.com#"),
        ("MUSIC_API_URL", "https://example.com?"),
        ("MUSIC_OPTIONS", f'{{"{SECRET}": NaN}}'),
        ("MUSIC_OPTIONS", f'{{"{SECRET}": -Infinity}}'),
        ("MUSIC_OPTIONS", f'{{"{SECRET}": 1e999}}'),
        ("MUSIC_OPTIONS", f'{{"{SECRET}": "\\ud800"}}'),
    ],
)
def test_a_value_that_cannot_be_sent_in_a_request_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    assert refusal().startswith(f"{name} ")


def test_every_setting_but_free_text_refuses_what_looks_like_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = {*REQUIRED, "KIE_API_KEY", "MUSIC_PROVIDER", "MUSIC_MODELS", "SPOOL_DIR"}
    for name in names():
        with monkeypatch.context() as patch:
            patch.setenv(name, SECRET)
            if name not in free:
                assert refusal().startswith(f"{name} ")


# -- the music service


@pytest.mark.parametrize(
    ("backend", "models"), [("sseedance", ("V5",)), ("KIE", ("V6", "V6_MINI", "V6_WILD"))]
)
def test_models_follow_from_the_service_unless_set(
    backend: str, models: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", SECRET)
    monkeypatch.setenv("MUSIC_BACKEND", backend)

    assert models == load().music_models
    monkeypatch.setenv("MUSIC_MODELS", "V4")
    assert ("V4",) == load().music_models


def test_a_service_needs_its_own_key_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_BACKEND", "kie")

    assert refusal().startswith("KIE_API_KEY is missing;")
    monkeypatch.setenv("KIE_API_KEY", SECRET)
    monkeypatch.delenv("MUSIC_API_KEY")
    assert [Backend.KIE] == list(load().music_keys)


def test_the_keys_of_both_services_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", SECRET)

    assert set(Backend) == set(load().music_keys)
    assert {"https://sseedance.com", "https://api.kie.ai"} == {load().music_url(one) for one in Backend}


def test_an_unknown_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_BACKEND", "suno")

    assert refusal().startswith("MUSIC_BACKEND must be ")


# -- displayed values


@pytest.mark.parametrize("shown", [repr, str, lambda loaded: str(attrs.asdict(loaded))])
def test_loaded_settings_show_no_secret(
    shown: Callable[[Settings], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_WEBHOOK_URL", f"https://discord.com/api/webhooks/1/{SECRET}")

    assert SECRET not in shown(load())


def test_all_secret_values_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = f"https://discord.com/api/webhooks/1/{SECRET}"
    without = load().secrets
    monkeypatch.setenv("OPERATOR_WEBHOOK_URL", hook)

    assert (SECRET, f"sk-{SECRET}") == without
    assert {*without, hook} == set(load().secrets)


# -- given settings


def test_explicit_settings_read_neither_environment_nor_file(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("GUILD_CREDITS=70\nDATABASE_URL=sqlite:///real.db\n", "utf-8")
    monkeypatch.setenv("SONG_CREDITS", "7")
    given = Settings(discord_token="given", music_api_key="given")  # type: ignore[arg-type,call-arg]

    assert ("given", 10, 100) == (
        given.discord_token.get_secret_value(),
        given.song_credits,
        given.guild_credits,
    )
    assert Path("data/tunesmith.db") == given.database_path


def test_explicit_settings_do_not_fill_gaps_from_the_environment() -> None:
    with pytest.raises(TypeError, match="discord_token"):
        Settings()
    with pytest.raises(Missing):
        Settings(discord_token="given")  # type: ignore[arg-type]


# -- slips


@pytest.mark.parametrize(
    ("typed", "right", "slip"),
    [
        ("LOG_LEVEL", "LOG_LEVEL", False),
        ("LOGLEVEL", "LOG_LEVEL", True),
        ("LOG_LEVELS", "LOG_LEVEL", True),
        ("XLOG_LEVEL", "LOG_LEVEL", True),
        ("LOG_LEVLE", "LOG_LEVEL", True),
        ("OLG_LEVEL", "LOG_LEVEL", True),
        ("LOG-LEVEL", "LOG_LEVEL", True),
        ("LOG_LEV", "LOG_LEVEL", False),
        ("OLG_LEVLE", "LOG_LEVEL", False),
        ("", "LOG_LEVEL", False),
        ("GOL_LEVEL", "LOG_LEVEL", False),
    ],
)
def test_a_slip_is_one_letter_dropped_added_replaced_or_swapped(
    typed: str, right: str, *, slip: bool
) -> None:
    assert slip == is_typo(typed, right)


# -- servers


def test_servers_are_listed_by_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUILDS", "109876543210987654, 5")
    monkeypatch.setenv("NEW_GUILDS", "NONE")

    listed = frozenset({GuildId(109876543210987654), GuildId(5)})
    assert ServerPolicy(listed=listed, serves_new=False) == load().server_policy


# -- the database


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        (f"postgresql://bot:{SECRET}@localhost/tunesmith", {SECRET}),
        (f"postgresql://bot@localhost/tunesmith?password={SECRET}", {SECRET}),
        ("postgresql://bot:a%40b%2Fc%21@localhost/tunesmith", {"a%40b%2Fc%21", "a@b/c!"}),
    ],
)
def test_a_databases_password_counts_as_a_secret(
    monkeypatch: pytest.MonkeyPatch, url: str, hidden: set[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings = load()

    assert {url, *hidden} <= set(settings.secrets)
    assert not any(secret in repr(settings) for secret in hidden)


def test_shards_are_shared_evenly_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://bot@localhost/tunesmith")
    monkeypatch.setenv("PROCESSES", "3")
    monkeypatch.setenv("SHARD_COUNT", "6")
    assert (3, 6) == (load().processes, load().shard_count)

    monkeypatch.setenv("SHARD_COUNT", "7")
    with pytest.raises(StartRefused, match="SHARD_COUNT must be a multiple of PROCESSES, 3"):
        load()


def test_the_path_of_a_file_is_not_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////var/lib/tunesmith.db")

    assert not any("tunesmith.db" in secret for secret in load().secrets)


def test_a_database_servers_password_is_not_shown_among_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://bot:{SECRET}@localhost/tunesmith")

    assert not any(SECRET in f"{row}" for row in examine(Path("none")).rows)
