"""The responses of the documented music API, as HTTP."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from bot.sandbox.faults import REFUSALS, FaultKind
from bot.sandbox.tasks import Task

RETRY_AFTER_S = 2


class Invalid(Exception):
    """The request violates the documentation."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        """The offending field."""

    def response(self) -> web.Response:
        """Return the HTTP 400 response that reports it."""
        return error_response(HTTPStatus.BAD_REQUEST, str(self), self.name)


def created(task: Task) -> web.Response:
    """Return the response to the POST of a task that was created."""
    return web.json_response(
        {
            "id": task.id,
            "object": "music.generation.task",
            "status": "pending",
            "data": {"id": task.id, "mediaType": "music", "status": "pending", "audioUrls": []},
        }
    )


def refusal(kind: FaultKind) -> web.Response:
    """Return the response of a fault that refuses a request."""
    status, message = REFUSALS[kind]
    if kind is FaultKind.SERVER_ERROR:
        return page()
    response = error_response(status, message)
    if kind is FaultKind.BUSY:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def page() -> web.Response:
    """Return an HTTP 500 response with an HTML page."""
    status, message = REFUSALS[FaultKind.SERVER_ERROR]
    text = f"<!DOCTYPE html><html><head><title>{message}</title></head><body>{message}</body></html>"
    return web.Response(status=status, text=text, content_type="text/html")


def error_response(status: int, message: str, name: str | None = None) -> web.Response:
    """Return an error in the format of the API; ``name`` is the offending field."""
    return web.json_response({"error": {"message": message, "param": name}}, status=status)


def hang_up(request: web.Request) -> web.StreamResponse:
    """Abort the connection.

    aiohttp requires a handler to return a response; this one never reaches the client.
    """
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@web.middleware
async def errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Report what a handler refuses in the format of the API."""
    try:
        return await handler(request)
    except Invalid as invalid:
        return invalid.response()
    except web.HTTPException as refused:
        return error_response(refused.status, refused.reason)
