"""Conclusions of the free status query about the address and the key."""

import json

import httpx
import pytest

from bot.checks import Verdict
from bot.ops.doctor.music_api import check_music_api
from tests.unit.music.test_client import Service, connected

BASE = "https://music.example"
PROVEN = [
    (404, {"message": "task not found"}),
    (404, {"error": {"message": "Task no-such-task does not exist"}}),
    (200, {"code": 404, "msg": "recordInfo is null"}),
    (422, {"code": 422, "msg": "recordInfo is null"}),
    (200, {"data": None}),
    (200, {"code": 200, "data": None}),
    (200, {"object": "task", "data": {"status": "failed"}}),
]
UNPROVEN = [
    (404, {"error": "Not Found"}),
    (404, {"detail": "Not Found"}),
    (404, {"message": "Cannot GET /v1/tasks/no-such-task"}),
    (404, {"statusCode": 404, "message": "no such route"}),
    (404, {}),
    (200, {"hello": "world"}),
    (200, {"message": "welcome"}),
]


def answering(status: int, body: object = b"", **headers: str) -> Service:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Service(lambda _: httpx.Response(status, stream=httpx.ByteStream(content), headers=headers))


async def verdict(service: Service, url: str = BASE) -> tuple[Verdict, str]:
    async with connected(service, url) as client:
        check, _ = await check_music_api(client, url)
    assert ["GET"] == [request.method for request in service.requests]
    return check.verdict, check.finding


@pytest.mark.parametrize(("status", "body"), PROVEN, ids=str)
async def test_an_answer_about_the_task_proves_the_key(status: int, body: object) -> None:
    assert (Verdict.OK, True) == ((found := await verdict(answering(status, body)))[0], "accepts" in found[1])


@pytest.mark.parametrize(("status", "body"), UNPROVEN, ids=str)
async def test_another_services_answer_proves_nothing(status: int, body: object) -> None:
    found, finding = await verdict(answering(status, body))

    assert (Verdict.WARNING, False, True) == (found, "accepts" in finding, "MUSIC_API_URL" in finding)


@pytest.mark.parametrize("status", [404, 200, 405])
@pytest.mark.parametrize(
    ("url", "meant"),
    [
        (f"{BASE}/v1", BASE),
        (f"{BASE}/v1/", BASE),
        (f"{BASE}/base/v1", f"{BASE}/base"),
        (f"{BASE}/v1/v1", BASE),
    ],
)
async def test_an_address_that_ends_in_v1_is_named_with_its_correction(
    url: str, meant: str, status: int
) -> None:
    found, finding = await verdict(answering(status, {"error": "Not Found"}), url)

    assert (Verdict.FAILURE, True) == (found, finding.endswith(f"set MUSIC_API_URL={meant}"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "meant"),
    [
        ("https://api.example/v1/tasks/no-such-task", "https://api.example"),
        ("https://www.music.example/base/v1/tasks/no-such-task?x=1", "https://www.music.example/base"),
        ("https://music.example:8443/v1/tasks/no-such-task/", "https://music.example:8443"),
        ("//api.example/v1/tasks/no-such-task", "https://api.example"),
        ("/api/v1/tasks/no-such-task", "https://music.example/api"),
        ("https://api.example/v1", "https://api.example"),
    ],
)
async def test_a_redirect_is_named_with_where_it_leads(status: int, location: str, meant: str) -> None:
    found, finding = await verdict(answering(status, Location=location))

    assert (Verdict.FAILURE, True) == (found, finding.endswith(f"set MUSIC_API_URL={meant}"))


@pytest.mark.parametrize(
    "location",
    ["", "https://user:secret@api.example/v1/tasks/no-such-task", "https://[", "javascript:x", "mailto:x"],
)
async def test_a_redirect_to_nowhere_suggests_no_correction(location: str) -> None:
    found, finding = await verdict(answering(302, Location=location))

    assert (Verdict.FAILURE, False, False) == (found, "set MUSIC" in finding, "secret" in finding)
