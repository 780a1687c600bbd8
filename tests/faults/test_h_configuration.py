"""Wrong settings: the start is refused with one sentence, and no secret leaks."""

import json
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs
import pytest
from typer.testing import CliRunner

from bot import app, cli
from bot.sandbox.faults import FaultKind, InjectedFault
from bot.settings import Settings, load, names
from tests import make
from tests.doubles.music import MUSIC_KEY
from tests.faults.conftest import KEY, TOKEN
from tests.flows.process import World

pytestmark = pytest.mark.usefixtures("configured")

SECRET = "hunter2ThatNobodyMayRead"
WEBHOOK = f"https://discord.com/api/webhooks/1/{SECRET}"
SECRETS = (SECRET, TOKEN, KEY)


def refusal(command: str = "run") -> str:
    """Return the sentence with which the start is refused, or a note that it was not."""
    result = CliRunner().invoke(cli.cli, [command])
    if isinstance(result.exception, BaseExceptionGroup):
        return ", ".join(str(error) for error in result.exception.exceptions)

    assert isinstance(result.exception, SystemExit), result.exception
    assert (1, "") == (result.exit_code, result.stdout)
    assert [] == [secret for secret in SECRETS if secret in result.stderr]
    said = result.stderr.removesuffix("\n")
    assert re.fullmatch(r"[ -~]{1,1000}", said), said
    return said.removeprefix("failure  settings: ")


def refusals(name: str, values: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the outcome of a start with each of these values."""
    ends = {}
    for value in values:
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            ends[value] = refusal()
    return ends


def test_the_base_settings_of_these_tests_would_start() -> None:
    assert "it started" == refusal()


def test_a_bug_at_the_start_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_WEBHOOK_URL", WEBHOOK)

    result = CliRunner().invoke(cli.cli, ["run"])
    assert result.exception is not None

    shown = "".join(traceback.format_exception(result.exception)) + result.output
    assert "it started" in shown
    assert [] == [secret for secret in SECRETS if secret in shown]


# -- missing, empty, padded

PADDED = [" {}", "{} ", "{}\n", "\t{}", "{}\r\n", "\u00a0{}", "{}\u2003"]
FAIR = {
    "DISCORD_API_URL": "https://discord.com/api/v10",
    "MUSIC_API_URL": "https://sseedance.com",
    "MUSIC_OPTIONS": "{}",
    "DATABASE_URL": "sqlite:///tunesmith.db",
    **dict.fromkeys(
        ("SPOOL_DAYS", "WORDS_DAYS", "SONG_CREDITS", "GUILD_CREDITS", "GUILD_CREDITS_MAX", "POLL_PACE"), "7"
    ),
    **dict.fromkeys(("OPEN_JOBS_PER_MEMBER", "OPEN_JOBS_PER_GUILD"), "7"),
    "CREDIT_PERIOD": "week",
    "OPERATOR_WEBHOOK_URL": WEBHOOK,
    "LOG_LEVEL": "INFO",
}


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "MUSIC_API_KEY"])
def test_each_missing_setting_is_named(name: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)

    assert refusal(command).startswith(f"{name} is missing; ")


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "MUSIC_API_KEY"])
def test_an_empty_setting_counts_as_missing_wherever_it_is_set(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"{name}=\n", "utf-8")
    monkeypatch.setenv(name, "")

    assert refusal().startswith(f"{name} is missing; ")


@pytest.mark.parametrize("name", names())
def test_a_value_with_space_around_it_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fair = FAIR.get(name, SECRET)
    padded = [" \t ", *(shape.format(fair) for shape in PADDED)]

    said = refusals(name, padded, monkeypatch)

    assert {f"{name} has a space at the start or end; remove it."} == set(said.values())


# -- misspelt


def slips(name: str) -> Iterator[str]:
    """Yield a misspelling for each kind of slip with one letter."""
    middle = len(name) // 2
    yield name[:-1]
    yield f"{name}S"
    yield f"{name[:middle]}X{name[middle + 1 :]}"
    yield f"{name[1]}{name[0]}{name[2:]}"
    if "_" in name:
        yield name.replace("_", "-", 1)
        yield name.replace("_", "", 1).lower()


@pytest.mark.parametrize("name", names())
def test_a_misspelt_name_is_refused_with_a_suggestion(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for slip in slips(name):
        with monkeypatch.context() as patch:
            patch.setenv(slip, SECRET)

            assert f"{slip} in the environment looks like a typo of {name}; correct its name." == refusal()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f"DISCORD_TOKN={SECRET}",
            "DISCORD_TOKN in .env is not a Tunesmith setting; remove it or correct its name.",
        ),
        (f"PREFIX={SECRET}", "PREFIX in .env is not a Tunesmith setting; remove it or correct its name."),
        (
            f"export MUSIC_KEY={SECRET}",
            "MUSIC_KEY in .env is not a Tunesmith setting; remove it or correct its name.",
        ),
        (SECRET, "Line 2 of .env is not of the form NAME=value."),
        (f"{SECRET}=", "Line 2 of .env is not of the form NAME=value."),
        (f"MUSIC_API_KEY: {SECRET}", "Line 2 of .env is not of the form NAME=value."),
        (f"MUSIC_API_KEY='{SECRET}", "Line 2 of .env is not of the form NAME=value."),
        (f"MUSIC API KEY={SECRET}", "Line 2 of .env is not of the form NAME=value."),
        (f"=={SECRET}", "Line 2 of .env is not of the form NAME=value."),
    ],
)
def test_an_invalid_line_is_refused_and_not_repeated(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"# mine\n{line}\n", "utf-8")

    assert said == refusal()


@pytest.mark.parametrize(
    "content", [b"MUSIC_API_KEY=\xff\xfe", "SONG_CREDITS=5".encode("utf-16"), b"\x89PNG\r\n\x1a\n"]
)
def test_a_settings_file_that_is_not_text_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content + SECRET.encode())

    assert refusal().startswith(".env can't be read; it must be a UTF-8 text file")


def test_a_file_that_others_can_read_is_a_warning_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("SONG_CREDITS=5\n")
    (tmp_path / ".env").chmod(0o644)

    assert "it started" == refusal()
    (record,) = [one for one in caplog.records if one.msg == "secrets readable by others"]
    assert ".env is readable by others; run `chmod 600 .env`." == vars(record)["finding"]


# -- impossible

ADDRESSES = [
    *(
        "https://",
        "https:///v1",
        "https:example.com",
        "//example.com",
        "example.com",
        SECRET,
        f"ftp://{SECRET}",
    ),
    *(
        "https://[::1",
        "https://[::1]x",
        "https://[1.2.3.4]",
        "https://[v1.a]",
        "https://exa mple",
        "https://exa\tmple",
    ),
    *("https://a..b", "https://.a.b", "https://a.b..", f"https://{'a' * 64}.com", "https://xn--"),
    *("https://1.2.3", "https://256.1.1.1", "https://1.2.3.4.5", "http://2130706433"),
    *(
        "https://example.com:0",
        "https://example.com:99999",
        "https://example.com:-1",
        "https://example.com:http",
    ),
    *(f"https://me:{SECRET}@example.com", f"https://{SECRET}@example.com", f"https://:{SECRET}@example.com"),
    *(
        f"https://example.com/?key={SECRET}",
        f"https://example.com/#{SECRET}",
        f"https://example.com\\{SECRET}",
    ),
    *(
        f"http://{SECRET}.example.com",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
    ),
    *(
        "https://example.com/\x01",
        "https://example.com/\x7f",
        "https://example.com/\u202e",
        "https://a\nb.com",
    ),
    f"https://{'x' * 100_000}",
]
NO_URL_OF_HTTPX = ["https://\u2603.com", "https://\u2153.example", f"https://example.com/{'x' * 100_000}"]
WORDS = [
    SECRET,
    f"1{SECRET}",
    "nan",
    "inf",
    "1e400",
    "0x10",
    "1,000",
    "1_0 0",
    "--1",
    "ten",
    "9" * 10_000,
    "\u0665 ",
]
COUNTS = [*WORDS, "-1", "1.5", "1000000001", "1e3", "\u00bd", "+", "True"]
TOKENS = [
    *(f"Bot {SECRET}", f"{SECRET}\u00e9", f"{SECRET}\nX", f"{SECRET}\x7f", f"\u201c{SECRET}\u201d"),
    f"{SECRET}\u200b",
]
MODELS = [",", f"V5,,{SECRET}", f"V5 {SECRET}", f"{SECRET},{SECRET}", SECRET * 3, f"V5,{SECRET}\x1b"]
OPTIONS = [
    *(SECRET, f'["{SECRET}"]', f'"{SECRET}"', "1", "null", f'{{"a": {SECRET}}}', '{"a": NaN}'),
    *('{"a": 1e999}', '{"a": "\\ud800"}', '{"a":' * 5_000, "{'a': 1}", "{}{}"),
]
FILES = [
    *(SECRET, f"postgresql://bot:{SECRET}@localhost/bot", f"sqlite://{SECRET}", f"SQLITE:///{SECRET}"),
    *("sqlite:///", "sqlite:////", "sqlite:///.", "sqlite:///..", f"sqlite:///{SECRET}\n.db"),
]
PROXIES = [
    *(
        SECRET,
        "http://",
        "socks5://proxy",
        f"https://{SECRET}",
        f"socks4://{SECRET}:1",
        "http://proxy:1/path",
    ),
    *(f"socks5://ada:{SECRET}@", f"socks5://ada:{SECRET}@proxy", f"socks5://{SECRET}@proxy:1"),
    *(
        f"http://{SECRET}:0",
        "http://[::1:1",
        "http://a b:1",
        "http://-a:1",
        "http://a..b:1",
        "http://999.1.1.1:1",
    ),
    *("http://proxy:1 ", "http://pr\u00f6xy:1", "http://xn--a:1", f"http://proxy:1?key={SECRET}"),
]
IMPOSSIBLE = {
    "DISCORD_PROXY": PROXIES,
    "MUSIC_PROXY": PROXIES,
    "DISCORD_TOKEN": TOKENS,
    "MUSIC_BACKEND": [SECRET, "kie,sseedance", "suno", "1"],
    "MUSIC_API_KEY": TOKENS,
    "KIE_API_KEY": TOKENS,
    "DISCORD_API_URL": ADDRESSES,
    "MUSIC_API_URL": [*ADDRESSES, *NO_URL_OF_HTTPX],
    "KIE_API_URL": [*ADDRESSES, *NO_URL_OF_HTTPX],
    "OPERATOR_WEBHOOK_URL": ADDRESSES,
    "MUSIC_PROVIDER": [f"kie {SECRET}", f"{SECRET}\n{SECRET}", f"{SECRET}\x1b", SECRET * 3],
    "MUSIC_MODELS": [*MODELS, ",".join(f"V{number}" for number in range(26))],
    "MUSIC_OPTIONS": OPTIONS,
    "MUSIC_EXTRAS": [SECRET, f"true {SECRET}", "2"],
    "MUSIC_LYRICS": [SECRET, f"true {SECRET}", "2"],
    "DATABASE_URL": FILES,
    "SPOOL_DIR": [f"{SECRET}\n", f"a\x1b{SECRET}", f"a\u202e{SECRET}"],
    "SPOOL_DAYS": [*COUNTS, "0"],
    "WORDS_DAYS": [*COUNTS, "0"],
    "SONG_CREDITS": COUNTS,
    "GUILD_CREDITS": COUNTS,
    "GUILD_CREDITS_MAX": COUNTS,
    "GUILDS": [*WORDS, ",", "5,", "0", f"5,{SECRET}", "9" * 20],
    "NEW_GUILDS": [SECRET, "some", "all,none", "1"],
    "TOTAL_CREDITS_MAX": COUNTS,
    "PROCESSES": [*COUNTS, "0"],
    "SHARD_COUNT": [*COUNTS, "0"],
    "TAKEOVER_S": [*COUNTS, "0", "4"],
    "CREDIT_PERIOD": [SECRET, "year", "Month", "months", "1", "day,week"],
    "OPEN_JOBS_PER_MEMBER": [*COUNTS, "0"],
    "OPEN_JOBS_PER_GUILD": [*COUNTS, "0"],
    "POLL_PACE": [*WORDS, "0", "-1", "0.0009", "100.1", "-inf"],
    "LOG_LEVEL": [SECRET, "TRACE", "INFO,DEBUG", "10", "NOTSET"],
    "LOG_FORMAT": [SECRET, "logfmt", "json,console", "1"],
    "HTTP_LISTEN": [
        *(
            SECRET,
            "8080",
            ":8080",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:-1",
            "127.0.0.1:65536",
        ),
        *(
            "127.0.0.1:8080:8080",
            "::1:8080",
            "[::1]",
            "[127.0.0.1]:80",
            "256.0.0.1:80",
            "http://127.0.0.1:80",
        ),
        *("127.0.0.1:80/", "a b:80", f"{SECRET}@localhost:80", "*:80", f"localhost:{'8' * 10_000}"),
        "127.0.0.1:\u0668\u0668",
    ],
}


def test_no_setting_is_left_untested() -> None:
    assert sorted(names()) == sorted(IMPOSSIBLE)


@pytest.mark.parametrize("name", names())
def test_an_impossible_value_is_refused_with_its_name_and_not_shown(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusals(name, IMPOSSIBLE[name], monkeypatch)

    assert [] == [value for value, end in said.items() if not re.match(rf"{name}:? .+\.$", end)]
    assert [] == [value for value, end in said.items() if len(value) > len("sqlite:///") and value in end]


@pytest.mark.parametrize("name", names())
def test_a_character_impossible_in_environments_is_refused_in_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(f"{name}={SECRET}\x00{SECRET}\n", "utf-8")

    assert refusal().startswith(f"{name} ")


# -- unusable places


@pytest.fixture
def occupied(tmp_path: Path) -> Path:
    """A file where a folder is needed."""
    path = tmp_path / "occupied"
    path.write_text("something else", "utf-8")
    return path


@pytest.mark.parametrize(
    "place", ["{folder}", "{folder}/", "{file}/tunesmith.db", "{folder}/" + "x" * 300, ":memory:", "{file}"]
)
def test_a_database_path_that_cannot_exist_is_refused(
    place: str, tmp_path: Path, occupied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///" + place.format(folder=tmp_path, file=occupied))

    assert re.match(r"DATABASE_URL: .+; .+\.$", refusal())
    assert "something else" == occupied.read_text("utf-8")


@pytest.mark.parametrize("place", ["{file}", "{file}/songs", "{folder}/" + "x" * 300])
def test_a_spool_path_that_cannot_exist_is_refused(
    place: str, tmp_path: Path, occupied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOOL_DIR", place.format(folder=tmp_path, file=occupied))

    assert re.match(r"SPOOL_DIR: .+; choose another directory\.$", refusal())


# -- secrets


def shows() -> dict[str, Callable[[Settings], str]]:
    return {
        "repr": repr,
        "str": str,
        "in a text": lambda loaded: f"{loaded} {loaded!r} {[loaded]}",
        "as a dict": lambda loaded: str(attrs.asdict(loaded)) + str(vars(loaded)),
        "as JSON": lambda loaded: json.dumps(attrs.asdict(loaded), default=str),
    }


@pytest.mark.parametrize("way", shows())
def test_settings_show_no_secret(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_WEBHOOK_URL", WEBHOOK)

    shown = shows()[way](load())

    assert "song_credits" in shown
    assert [] == [secret for secret in SECRETS if secret in shown]


async def test_the_parts_of_the_bot_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_WEBHOOK_URL", WEBHOOK)

    async with app.assemble(load(), now=make.Clock()) as parts:
        shown = repr(parts)

    assert "Operator" in shown
    assert [] == [secret for secret in SECRETS if secret in shown]


async def test_neither_the_debug_log_nor_an_alert_shows_a_secret(
    tmp_path: Path,
) -> None:
    async with World.open(tmp_path) as world:
        channel, ada = world.room()
        hook = world.discord.add_webhook(world.discord.add_channel("alerts"))
        world.music.faults.append(InjectedFault(FaultKind.SERVER_ERROR))
        async with world.bot(LOG_LEVEL="DEBUG", OPERATOR_WEBHOOK_URL=hook) as bot:
            for prompt in ("Lost", "Made"):
                await world.discord.slash("music create", prompt=prompt, user=ada, channel=channel)
            await world.discord.until(lambda: len(world.discord.posted(channel)) == 2, 10.0, "both ends")
            world.music.faults.append(InjectedFault(FaultKind.UNAUTHORIZED))
            await world.discord.slash("music create", prompt="Refused", user=ada, channel=channel)
            alert = await world.discord.until(
                lambda: [one for one in world.discord.messages if one.via == "webhook"], 10.0, "an alert"
            )
            assert 0 == await bot.terminate()

    tokens = [one.token for one in world.discord.interactions.values()]
    secrets = [world.discord.token, MUSIC_KEY, hook, hook.rsplit("/", 1)[1], *tokens]
    shown = bot.log + "".join(one.text() for one in world.discord.messages)
    assert "bad_key" in alert[0].text()
    assert "job" in bot.log
    assert [] == [secret for secret in secrets if secret in shown]
