"""kie's contract in front of a double of the documented one, translating requests and answers.

Scripts, tasks and books remain those of the double, so that a test can run on both contracts.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx

from bot.sandbox.kie import FAILED_CODE, STATES, as_documented
from tests.doubles.music.variants import KieVariants, Packed

BALANCE: Final = 987.6
"""A balance with a fraction, as kie's have."""


class KieFront(httpx.AsyncBaseTransport):
    """A front that speaks kie's jobs API and forwards everything else to the documented transport."""

    def __init__(self, documented: httpx.AsyncBaseTransport) -> None:
        self._documented = documented
        self.balance: float | None = BALANCE
        """The account's balance; None to leave it out."""
        self.balance_queries = 0
        self.variants: KieVariants | None = None
        """Shapes of the answers; None for the documented ones."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        match request.method, request.url.path:
            case "POST", "/api/v1/jobs/createTask":
                body = json.loads(request.content)
                inner = self._to(
                    request, "/v1/music/generations", as_documented(body["input"]) if body else {}
                )
                return await self._answered(inner, self._created)
            case "GET", "/api/v1/jobs/recordInfo":
                inner = self._to(request, f"/v1/tasks/{request.url.params['taskId']}", None)
                return await self._answered(inner, self._record)
            case "GET", "/api/v1/chat/credit":
                self.balance_queries += 1
                return _answer(HTTPStatus.OK, "success", self.balance)
            case _:
                return await self._documented.handle_async_request(request)

    def _created(self, body: Mapping[str, Any]) -> httpx.Response:
        if self.variants is None or "id" not in body:
            return _created(body)
        return _packed(self.variants.submitted(str(body["id"])))

    def _record(self, body: Mapping[str, Any]) -> httpx.Response:
        task = body.get("data")
        if self.variants is None or not isinstance(task, dict) or "status" not in task:
            return _record(body)
        told = self.variants.queried(task["id"], task["status"], task["audioUrls"], task["errorMessage"])
        return _packed(told)

    def _to(self, request: httpx.Request, path: str, body: object) -> httpx.Request:
        headers = {"Authorization": request.headers["Authorization"]}
        url = request.url.copy_with(path=path, query=None)
        return httpx.Request(request.method, url, headers=headers, json=body, extensions=request.extensions)

    async def _answered(
        self, request: httpx.Request, translated: Callable[[Mapping[str, Any]], httpx.Response]
    ) -> httpx.Response:
        response = await self._documented.handle_async_request(request)
        try:
            content = await response.aread()
            body = json.loads(content)
        except ValueError:
            unread = httpx.ByteStream(content)
            return httpx.Response(response.status_code, headers=response.headers, stream=unread)
        if response.is_success and isinstance(body, dict):
            return translated(body)
        error = body.get("error") if isinstance(body, dict) else None
        message = error.get("message") if isinstance(error, dict) else error
        if message is None and isinstance(body, dict):
            message = body.get("message") or body.get("msg")
        answer = _answer(response.status_code, str(message or "refused"))
        answer.headers.update({k: v for k, v in response.headers.items() if k.lower() == "retry-after"})
        return answer


def _packed(packed: Packed) -> httpx.Response:
    return httpx.Response(HTTPStatus.OK, headers=packed.headers, stream=httpx.ByteStream(packed.body))


def _answer(code: int, message: str, data: object = None) -> httpx.Response:
    """Return an answer in kie's form: always HTTP 200, with the code in the body."""
    return _streamed(httpx.Response(HTTPStatus.OK, json={"code": int(code), "msg": message, "data": data}))


def _streamed(whole: httpx.Response) -> httpx.Response:
    """Return the same response as it arrives from a network: not read yet."""
    return httpx.Response(whole.status_code, headers=whole.headers, stream=httpx.ByteStream(whole.content))


def _created(body: Mapping[str, Any]) -> httpx.Response:
    if "id" not in body:  # a script's answer in no documented form passes through unchanged
        return _streamed(httpx.Response(HTTPStatus.OK, json=body))
    return _answer(HTTPStatus.OK, "success", {"taskId": body.get("id")})


def _record(body: Mapping[str, Any]) -> httpx.Response:
    data = body.get("data")
    task = data if isinstance(data, dict) else body
    if "status" not in task:
        return _streamed(httpx.Response(HTTPStatus.OK, json=body))
    status = str(task.get("status"))
    urls = task.get("audioUrls") or []
    songs = [{"id": f"take-{take}", "audio_url": url} for take, url in enumerate(urls, start=1)]
    for song, image in zip(songs, task.get("imageUrls") or [], strict=False):
        song["image_url"] = image
    failed = status in ("failed", "canceled")
    return _answer(
        HTTPStatus.OK,
        "success",
        {
            "taskId": task.get("id"),
            "state": "fail" if failed else STATES.get(status, status),
            "resultJson": json.dumps({"code": 200, "data": songs}) if status == "success" else "",
            "failCode": FAILED_CODE if failed else "",
            "failMsg": str(task.get("errorMessage") or task.get("error") or "Generation Failed")
            if failed
            else "",
            "creditsConsumed": 12,
        },
    )
