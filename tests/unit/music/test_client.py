import asyncio
import gzip
import json
import ssl
import sys
import traceback
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from math import inf

import brotli
import httpx
import pytest

from bot.errors import Transient, Unauthorized
from bot.model import FailReason, TaskId
from bot.music import client as client_module
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.encodings import WINDOW_MAX_BITS, decode
from bot.music.queries import ANSWER_MAX_BYTES
from bot.music.sseedance import Sseedance
from tests import make

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KEY = "sk-live-0123456789abcdef"
TASK = TaskId("a-1")
ACCEPTED = {"id": TASK}
FINISHED = {"data": {"status": "success", "audioUrls": ["https://files.example/1.mp3"]}}
NOW_AS_HTTP_DATE = "Sat, 14 Mar 2026 15:09:26 GMT"

NEVER_LEFT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
    httpx.InvalidURL("odd"),
    httpx.UnsupportedProtocol("odd"),
]
ON_THE_WAY = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.CloseError("reset"),
    httpx.RemoteProtocolError("no answer"),
    httpx.LocalProtocolError("odd"),
    httpx.ProxyError("odd"),
    ssl.SSLError("bad record mac"),
    ConnectionResetError("reset"),
    TimeoutError("slow"),
]


class Service:
    """The music service as a transport that records requests and answers as the test decides."""

    def __init__(self, reply: Callable[[httpx.Request], httpx.Response] | Exception) -> None:
        self.requests: list[httpx.Request] = []
        self._reply = reply

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply(request)


class Body(httpx.AsyncByteStream):
    """A body that is produced while it is read."""

    def __init__(self, chunk: bytes, count: int, wait_s: float = 0.0) -> None:
        self.pulled_bytes = 0
        self._chunk = chunk
        self._count = count
        self._wait_s = wait_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._count):
            await asyncio.sleep(self._wait_s)
            self.pulled_bytes += len(self._chunk)
            yield self._chunk


def streaming(body: Body, status: int = 200, **headers: str) -> Service:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Service(lambda _: httpx.Response(status, stream=body, headers=fields))


def replying(status: int, body: object = b"", **headers: str) -> Service:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return streaming(Body(content, 1), status, **headers)


@asynccontextmanager
async def connected(
    service: Service | None = None, url: str = "https://music.example", key: str = KEY, **options: object
) -> AsyncIterator[MusicClient]:
    async with MusicClient.open(
        url=url,
        key=key,
        contract=Sseedance(options=options),
        now=make.Clock(),
        transport=None if service is None else httpx.MockTransport(service),
    ) as client:
        yield client


# -- requests


@pytest.mark.parametrize("base", ["https://music.example", "https://music.example/"])
async def test_a_song_is_requested_with_one_documented_post(base: str) -> None:
    service = replying(200, ACCEPTED)

    async with connected(service, base, styleWeight=0.6) as client:
        outcome = await client.submit(make.prompt("rain"))

    [request] = service.requests
    assert wire.Accepted(TASK) == outcome
    assert ("POST", "https://music.example/v1/music/generations") == (request.method, str(request.url))
    assert "application/json" == request.headers["Content-Type"]
    assert {
        "provider": "kie",
        "model": "V5",
        "prompt": "rain",
        "instrumental": False,
        "options": {"styleWeight": 0.6},
    } == json.loads(request.content)


async def test_a_task_is_queried_at_the_documented_address() -> None:
    service = replying(200, {"data": {"status": "pending"}})

    async with connected(service, "http://127.0.0.1:8085/base/") as client:
        outcome = await client.check(TASK)

    [request] = service.requests
    assert wire.Running() == outcome
    assert ("GET", "http://127.0.0.1:8085/base/v1/tasks/a-1") == (request.method, str(request.url))
    assert b"" == request.content


@pytest.mark.parametrize(
    ("task_id", "path"),
    [
        ("a/b", b"/v1/tasks/a%2Fb"),
        ("../../v2", b"/v1/tasks/..%2F..%2Fv2"),
        ("a?b=c#d", b"/v1/tasks/a%3Fb%3Dc%23d"),
        ("a b", b"/v1/tasks/a%20b"),
        ("%2e%2e", b"/v1/tasks/%252e%252e"),
        ("é", b"/v1/tasks/%C3%A9"),
        ("https://evil.example", b"/v1/tasks/https%3A%2F%2Fevil.example"),
    ],
)
async def test_a_task_id_cannot_escape_its_path_segment(task_id: str, path: bytes) -> None:
    service = replying(200, {"data": {"status": "pending"}})

    async with connected(service) as client:
        await client.check(TaskId(task_id))

    [request] = service.requests
    assert ("music.example", path) == (request.url.host, request.url.raw_path)


async def test_the_key_is_sent_in_one_header_and_nowhere_else() -> None:
    service = replying(404)

    async with connected(service) as client:
        await client.submit(make.custom())
        await client.check(TASK)

    for request in service.requests:
        named = [name for name, value in request.headers.raw if KEY.encode() in value]
        assert [b"Authorization"] == named
        assert f"Bearer {KEY}" == request.headers["Authorization"]
        assert KEY not in str(request.url)
        assert KEY.encode() not in request.content


async def test_requests_name_the_bot_and_ask_for_uncompressed_answers() -> None:
    service = replying(404)

    async with connected(service) as client:
        await client.submit(make.prompt())
        await client.check(TASK)

    for request in service.requests:
        assert "identity" == request.headers["Accept-Encoding"]
        assert "application/json" == request.headers["Accept"]
        assert request.headers["User-Agent"].startswith("Tunesmith/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    service = replying(status, {}, Location="https://evil.example/v1/music/generations")

    async with connected(service) as client:
        outcome = await client.submit(make.prompt())
        with pytest.raises(Transient):
            await client.check(TASK)

    assert isinstance(outcome, wire.Unknown)
    assert ["music.example", "music.example"] == [request.url.host for request in service.requests]


async def test_each_post_has_a_connection_of_its_own() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
                await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with connected(url=f"http://127.0.0.1:{port}") as client:
        outcomes = [await client.submit(make.prompt()) for _ in range(3)]
        server.close()
        await server.wait_closed()
        refused = await client.submit(make.prompt())

    assert [wire.Busy()] * 3 == outcomes
    assert 3 == connections
    assert wire.Busy("ConnectError", offline=True) == refused


# -- network errors


@pytest.mark.parametrize("error", NEVER_LEFT, ids=repr)
async def test_a_request_that_was_never_sent_may_be_retried(error: Exception) -> None:
    service = Service(error)

    async with connected(service) as client:
        outcome = await client.submit(make.prompt())

    assert wire.Busy(type(error).__name__, offline=True) == outcome
    assert 1 == len(service.requests)


@pytest.mark.parametrize("error", ON_THE_WAY, ids=repr)
async def test_a_request_interrupted_in_flight_has_an_unknown_outcome(error: Exception) -> None:
    service = Service(error)

    async with connected(service) as client:
        outcome = await client.submit(make.prompt())

    assert wire.Unknown(type(error).__name__) == outcome
    assert 1 == len(service.requests)


@pytest.mark.parametrize("error", NEVER_LEFT + ON_THE_WAY, ids=repr)
async def test_a_failed_status_query_is_repeated_later(error: Exception) -> None:
    service = Service(error)

    async with connected(service) as client:
        with pytest.raises(Transient) as caught:
            await client.check(TASK)

    assert caught.value.retry_after_s is None
    assert 1 == len(service.requests)


async def test_a_trickling_answer_is_cut_off_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "POST_S", 0.03)
    monkeypatch.setattr(client_module, "CHECK_S", 0.03)
    body = Body(b" ", 100, wait_s=0.01)

    async with connected(streaming(body)) as client:
        outcome = await client.submit(make.prompt())
        with pytest.raises(Transient):
            await client.check(TASK)

    assert wire.Unknown("TimeoutError") == outcome
    assert body.pulled_bytes < 20


# -- answers


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("-5", -5.0),
        ("1.5", 1.5),
        ("1000000000000", 1e12),
        ("9" * 400, inf),
        (NOW_AS_HTTP_DATE, 0.0),
        ("Sat, 14 Mar 2026 15:10:26 GMT", 60.0),
        ("Sat, 14 Mar 2026 16:10:26 +0100", 60.0),
        ("Sat, 14 Mar 2026 15:10:26 -0000", 60.0),
        ("Sat, 14 Mar 2026 15:08:26 GMT", -60.0),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
        ("Mon, 99 Zzz 2026", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e5", None),
        ("5, 6", None),
    ],
)
async def test_the_services_requested_wait_is_read(value: str, wait_s: float | None) -> None:
    async with connected(replying(429, {}, Retry_After=value)) as client:
        outcome = await client.submit(make.prompt())
        with pytest.raises(Transient) as caught:
            await client.check(TASK)

    assert wire.Busy("", wait_s) == outcome
    assert wait_s == caught.value.retry_after_s


async def test_no_wait_is_read_if_none_is_requested() -> None:
    async with connected(replying(429)) as client:
        assert wire.Busy() == await client.submit(make.prompt())


@pytest.mark.parametrize(("value", "kind"), [("30", wire.Busy), ("soon", wire.Unknown)])
async def test_a_request_is_repeated_after_a_503_only_if_it_says_when(value: str, kind: type) -> None:
    async with connected(replying(503, b"<html>", Retry_After=value)) as client:
        assert kind is type(await client.submit(make.prompt()))


async def test_an_answer_of_80_megabytes_is_cut_off_at_one_megabyte() -> None:
    body = Body(b" " * 65_536, 80 * 16)

    async with connected(streaming(body)) as client:
        outcome = await client.submit(make.prompt())
        pulled_by_the_post = body.pulled_bytes
        with pytest.raises(Transient):
            await client.check(TASK)

    assert isinstance(outcome, wire.Unknown)
    assert pulled_by_the_post <= ANSWER_MAX_BYTES + 65_536
    assert body.pulled_bytes <= 2 * (ANSWER_MAX_BYTES + 65_536)


async def test_an_answer_of_a_megabyte_is_still_read() -> None:
    padded = json.dumps(ACCEPTED).encode().ljust(ANSWER_MAX_BYTES)

    async with connected(replying(200, padded)) as client:
        assert wire.Accepted(TASK) == await client.submit(make.prompt())


def deflated(content: bytes) -> bytes:
    """Return the raw deflate that some servers send in place of the zlib format."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


COMPRESSED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    (" GZIP ", gzip.compress),
    ("deflate", zlib.compress),
    ("Deflate", deflated),
    ("identity, gzip", gzip.compress),
    ("deflate, gzip", lambda content: gzip.compress(zlib.compress(content))),
    ("gzip, gzip", lambda content: gzip.compress(gzip.compress(content))),
    # Two members, as produced by a proxy from two chunks.
    ("gzip", lambda content: gzip.compress(content[:5]) + gzip.compress(content[5:])),
    ("gzip", lambda content: gzip.compress(content) + bytes(64)),
    ("br", brotli.compress),
    ("BR", lambda content: brotli.compress(content, quality=0)),
    ("gzip, br", lambda content: brotli.compress(gzip.compress(content))),
    ("br, gzip", lambda content: gzip.compress(brotli.compress(content))),
    ("zstd", zstd.compress),
    ("zstd", lambda content: zstd.compress(content[:5]) + zstd.compress(content[5:])),
    ("zstd", lambda content: zstd.compress(content) + bytes(64)),
    ("br, zstd", lambda content: zstd.compress(brotli.compress(content))),
    # Encodings that are labelled wrongly, or not at all.
    ("", gzip.compress),
    ("", zstd.compress),
    ("br", zstd.compress),
    ("zstd", gzip.compress),
    ("identity", gzip.compress),
    ("br", gzip.compress),
    ("deflate", gzip.compress),
    ("gzip", bytes),
    ("deflate", bytes),
    ("br", bytes),
    ("zstd", bytes),
    ("odd", bytes),
]


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
async def test_a_compressed_answer_is_read(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    accepted, done = (json.dumps(answer).encode() for answer in (ACCEPTED, FINISHED))

    async with connected(replying(200, compress(accepted), Content_Encoding=encoding)) as client:
        assert wire.Accepted(TASK) == await client.submit(make.prompt())
    async with connected(replying(200, compress(done), Content_Encoding=encoding)) as client:
        assert wire.Done(("https://files.example/1.mp3",)) == await client.check(TASK)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, deflated])
async def test_a_compressed_error_is_read(compress: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    body = compress(json.dumps({"message": "title is required"}).encode())

    async with connected(replying(422, body, Content_Encoding=encoding)) as client:
        assert wire.Rejected(FailReason.REFUSED, "title is required") == await client.submit(make.prompt())
        with pytest.raises(Transient, match="title is required"):
            await client.check(TASK)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", ""])
async def test_a_bomb_leaves_the_outcome_open_and_costs_no_memory(encoding: str, layers: int) -> None:
    compressors: dict[str, Callable[[bytes], bytes]] = {
        "deflate": zlib.compress,
        "br": partial(brotli.compress, quality=5),
        "zstd": zstd.compress,
    }
    compress = compressors.get(encoding, gzip.compress)
    bomb = json.dumps(ACCEPTED).encode().ljust(16 << 20)
    for _ in range(layers):
        bomb = compress(bomb)
    header = ", ".join([encoding] * layers) if encoding else ""

    async with connected(replying(200, bomb, Content_Encoding=header)) as client:
        tracemalloc.start()
        try:
            outcome = await client.submit(make.prompt())
            with pytest.raises(Transient, match="TooLarge"):
                await client.check(TASK)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert wire.Unknown("TooLarge") == outcome
    assert peak_bytes < 8 * ANSWER_MAX_BYTES


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("br", partial(brotli.compress, quality=5)), ("zstd", zstd.compress)],
)
async def test_a_compressed_answer_of_a_megabyte_is_still_read(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    padded = json.dumps(ACCEPTED).encode().ljust(ANSWER_MAX_BYTES)

    async with connected(replying(200, compress(padded), Content_Encoding=encoding)) as client:
        assert wire.Accepted(TASK) == await client.submit(make.prompt())
    async with connected(replying(200, compress(padded + b" "), Content_Encoding=encoding)) as client:
        assert wire.Unknown("TooLarge") == await client.submit(make.prompt())


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "odd", "gzip, br"])
@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x80\x81", gzip.compress(b"{}" * 9_000, mtime=0)[:20], b"\x28\xb5\x2f\xfd\x04"]
)
async def test_an_answer_that_cannot_be_decoded_has_no_text(encoding: str, body: bytes) -> None:
    async with connected(replying(200, body, Content_Encoding=encoding)) as client:
        assert wire.Unknown("HTTP 200") == await client.submit(make.prompt())


async def test_a_thousand_empty_gzip_members_are_cheap() -> None:
    body = gzip.compress(b"") * 40_000 + gzip.compress(json.dumps(ACCEPTED).encode())

    async with connected(replying(200, body, Content_Encoding="gzip")) as client:
        async with asyncio.timeout(1.0):
            assert wire.Unknown("HTTP 200") == await client.submit(make.prompt())


async def test_a_frame_requiring_too_much_memory_is_not_decoded() -> None:
    huge: dict[int, int] = {zstd.CompressionParameter.window_log: WINDOW_MAX_BITS + 4}
    packer = zstd.ZstdCompressor(options=huge)  # of unknown length, so its window has the requested size
    body = packer.compress(json.dumps(ACCEPTED).encode()) + packer.flush()

    async with connected(replying(200, body, Content_Encoding="zstd")) as client:
        assert wire.Unknown("HTTP 200") == await client.submit(make.prompt())


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
@pytest.mark.parametrize("header", ["gzip", "br", "zstd", "deflate", "aws-chunked", ""])
@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_json_in_any_charset_survives_a_right_or_wrong_encoding(
    charset: str, header: str, pack: Callable[[bytes], bytes]
) -> None:
    body = pack('{"taskId": "t-12345678", "title": "Caf\u00e9"}'.encode(charset))

    decoded = decode(body, header, ANSWER_MAX_BYTES)

    assert wire.Accepted(TaskId("t-12345678")) == wire.read_submitted(200, decoded, (), None)


async def test_the_status_of_a_compressed_answer_counts() -> None:
    async with connected(streaming(Body(b"\x1f\x8b", 1), 429, Content_Encoding="gzip")) as client:
        assert wire.Busy() == await client.submit(make.prompt())


async def test_an_answer_with_the_identity_encoding_is_read() -> None:
    service = replying(200, ACCEPTED, Content_Encoding=" Identity ")

    async with connected(service) as client:
        assert wire.Accepted(TASK) == await client.submit(make.prompt())


async def test_an_echo_of_the_members_text_is_not_classified() -> None:
    words = {"title": "Moderated", "style": "credits roll", "lyrics": "no auth\nno policy"}
    said = {"message": "Bad fields: Moderated, credits roll, no auth no policy"}

    async with connected(replying(400, said)) as client:
        outcome = await client.submit(make.custom(**words))

    assert isinstance(outcome, wire.Rejected)
    assert FailReason.REFUSED == outcome.reason


async def test_the_services_own_address_is_trusted_with_audio() -> None:
    song = "http://127.0.0.1:8085/song.mp3"
    service = replying(200, {"data": {"status": "success", "audioUrls": [song]}})

    async with connected(service, "http://127.0.0.1:8085/") as client:
        assert wire.Done((song,)) == await client.check(TASK)
        assert "http://127.0.0.1:8085" == client.origin


# -- the key


@pytest.mark.parametrize("status", [401, 403])
async def test_a_forbidden_status_query_names_the_operators_setting(status: int) -> None:
    async with connected(replying(status)) as client:
        with pytest.raises(Unauthorized, match="MUSIC_API_KEY"):
            await client.check(TASK)


@pytest.mark.parametrize(
    "service",
    [
        *(Service(error) for error in NEVER_LEFT + ON_THE_WAY),
        replying(401, {"message": f"Invalid API key: {KEY}"}),
        replying(403, f"Bearer {KEY} is no key".encode()),
        replying(422, {"message": f"bad header {KEY}"}),
        replying(429, {"message": KEY}),
        replying(500, {"message": KEY}),
        replying(200, {"data": {"status": "failed", "errorMessage": KEY}}),
        replying(302, {}, Location=f"https://evil.example/?key={KEY}"),
        replying(422, {"message": "x" * 290 + KEY}),
        replying(200, {"data": {"status": KEY}}),
    ],
)
async def test_no_error_and_no_outcome_contains_the_key(service: Service) -> None:
    shown = ""

    async with connected(service) as client:
        shown += repr(client) + repr(vars(client)) + repr(vars((await client._posts.opened())._client))
        shown += repr(await client.submit(make.prompt()))
        try:
            shown += repr(await client.check(TASK))
        except (Transient, Unauthorized) as error:
            shown += "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)

    assert KEY not in shown


@pytest.mark.parametrize("key", ["", "1", "id", "sandbox"])
async def test_a_key_that_is_not_secret_leaves_answers_unchanged(key: str) -> None:
    async with connected(replying(200, {"id": "sandbox-1"}), key=key) as client:
        assert wire.Accepted(TaskId("sandbox-1")) == await client.submit(make.prompt())
