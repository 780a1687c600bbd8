"""Debug lines about requests: who made them and for what, without texts or secrets."""

import logging

import pytest

from bot.request_log import PATH_MAX, asked, record

API = "https://discord.com/api/v10"
SECRET = "s3cr3t-of-somebody"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="bot")
    return caplog


def fields(lines: pytest.LogCaptureFixture) -> dict[str, object]:
    (line,) = lines.records
    names = ("method", "host", "path", "status", "error")
    return {name: vars(line)[name] for name in names if name in vars(line)}


def test_an_answer_has_method_host_path_status_and_duration(lines: pytest.LogCaptureFixture) -> None:
    with asked("GET", "https://music.example:8443/v1/music/task-1?key=1") as exchange:
        exchange.status = 200

    assert {
        "method": "GET",
        "host": "music.example:8443",
        "path": "/v1/music/task-1",
        "status": 200,
    } == fields(lines)
    assert 0 <= vars(lines.records[0])["took_s"] < 60


def test_a_failed_request_is_logged_and_raised(lines: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionRefusedError), asked("POST", "https://music.example/v1/music"):
        raise ConnectionRefusedError(SECRET)

    assert "ConnectionRefusedError" == fields(lines)["error"]
    assert "status" not in fields(lines)
    assert SECRET not in lines.text


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"{API}/interactions/5/{SECRET}/callback", "/api/v10/interactions/5/…/callback"),
        (f"{API}/webhooks/5/{SECRET}?wait=true", "/api/v10/webhooks/5/…"),
        (f"{API}/webhooks/5/{SECRET}/messages/@original", "/api/v10/webhooks/5/…/messages/@original"),
        (f"https://user:{SECRET}@music.example/v1", "/v1"),
        (f"https://music.example/v1?{SECRET}#{SECRET}", "/v1"),
    ],
)
def test_no_secret_of_an_address_is_logged(lines: pytest.LogCaptureFixture, url: str, path: str) -> None:
    record("PATCH", url, 0.1, status=200)

    assert path == fields(lines)["path"]
    assert SECRET not in str(vars(lines.records[0]))


def test_the_name_of_a_file_is_not_logged(lines: pytest.LogCaptureFixture) -> None:
    record("GET", "https://cdn.example/My%20Heart%20Is%20Broken.mp3?sig=1", 0.1, status=200, file=True)

    assert "/….mp3" == fields(lines)["path"]
    assert "Heart" not in str(vars(lines.records[0]))


@pytest.mark.parametrize("url", ["http://[", "", "https://x/" + "a" * 10_000])
def test_an_odd_address_causes_no_error_and_no_long_line(lines: pytest.LogCaptureFixture, url: str) -> None:
    record("GET", url, 0.1, status=None, error="InvalidURL")

    assert len(str(fields(lines)["path"])) <= PATH_MAX


def test_nothing_is_read_if_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bot")

    record("GET", None, 0.1, status=200)  # type: ignore[arg-type]

    assert [] == caplog.records
