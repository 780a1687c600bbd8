import asyncio
import errno
import gzip
import hashlib
import io
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpcore
import httpx
import pytest

from bot.errors import Transient
from bot.music import downloads, guard
from bot.music import spool as spool_module
from bot.music.downloads import AudioSource
from bot.music.formats import ending_of
from bot.music.spool import AUDIO_MAX_BYTES, AUDIO_MIN_BYTES, NoAudio, Spool, Stored
from bot.music.wire import origin_of

ORIGIN = "https://music.example:443"
LOCAL = "http://127.0.0.1:8085"
PUBLIC, PUBLIC_V6 = "93.184.216.34", "2606:4700::1111"
SONG = b"ID3\x04" + bytes(range(256)) * 32
AS_MP3 = Stored(file="42-1.mp3", size_bytes=len(SONG), sha256=hashlib.sha256(SONG).hexdigest())

Server: TypeAlias = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def files(spool: Spool) -> list[str]:
    return sorted(path.name for path in spool.folder.glob("*"))


# -- the guard, on a network that only records


class Names:
    """A resolver that returns the next of its answers at each lookup of a name."""

    def __init__(self, answers: dict[str, Sequence[list[str] | Exception]] | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self._answers = {name: list(given) for name, given in (answers or {}).items()}

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        answer = self._answers[host].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Network(httpcore.AsyncNetworkBackend):
    """A network that records connection attempts, and answers or refuses them by address."""

    def __init__(self, answers: dict[str, bytes] | None = None) -> None:
        self.attempts: list[tuple[str, int]] = []
        self._answers = {} if answers is None else answers

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        self.attempts.append((host, port))
        if host not in self._answers:
            raise httpcore.ConnectError("refused")
        return httpcore.AsyncMockStream([self._answers[host]])


def http(status: int, content: bytes = b"", **headers: str) -> bytes:
    """Return a complete answer as sent over the wire."""
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    start = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{head}\r\n"
    return start.encode() + content


async def fetched(url: str, spool: Spool, names: Names, network: Network, origin: str = ORIGIN) -> Stored:
    async with AudioSource.open(origins=[origin], look_up=names, network=network) as source:
        return await source.fetch(url, spool, "42-1")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 - an address that must be refused
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.254",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "::93.184.216.34",
        "64:ff9b::7f00:1",
        "64:ff9b::5db8:d822",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2002:5db8:d822::1",
        "2001::1",
        "2001:0:5db8:d822::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
    ],
)
async def test_no_connection_is_made_to_an_address_that_is_not_public(address: str) -> None:
    network = Network({address: http(200, SONG)})
    backend = guard.GuardedBackend("music.example:443", Names({"songs.example": [[address]]}), network)

    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("songs.example", 443)

    assert not guard.is_public(address)
    assert [] == network.attempts


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "fd12:3456::1"])
async def test_audio_at_an_address_that_is_not_public_is_refused(address: str, spool: Spool) -> None:
    network = Network({address: http(200, SONG)})

    with pytest.raises(NoAudio):
        await fetched("https://songs.example/a.mp3", spool, Names({"songs.example": [[address]]}), network)

    assert [] == network.attempts
    assert [] == files(spool)


@pytest.mark.parametrize(
    "address", [PUBLIC, "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", PUBLIC_V6, "2a00:1450::1"]
)
async def test_a_public_address_is_connected_to(address: str, spool: Spool) -> None:
    network = Network({address: http(200, SONG)})

    stored = await fetched(
        "https://songs.example/a.mp3", spool, Names({"songs.example": [[address]]}), network
    )

    assert AS_MP3 == stored
    assert [(address, 443)] == network.attempts


@pytest.mark.parametrize(
    "addresses",
    [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC_V6, PUBLIC, "::1"], [PUBLIC, "::ffff:10.0.0.1"], []],
)
async def test_one_forbidden_address_of_a_name_rules_out_all(addresses: list[str], spool: Spool) -> None:
    network = Network({PUBLIC: http(200, SONG), PUBLIC_V6: http(200, SONG)})

    with pytest.raises(NoAudio):
        await fetched("https://songs.example/a.mp3", spool, Names({"songs.example": [addresses]}), network)

    assert [] == network.attempts


async def test_a_name_is_looked_up_once_and_the_checked_address_is_used(spool: Spool) -> None:
    names = Names({"songs.example": [[PUBLIC], ["127.0.0.1"]]})
    network = Network({PUBLIC: http(200, SONG), "127.0.0.1": http(200, SONG)})

    await fetched("https://songs.example:8443/a.mp3", spool, names, network)

    assert [("songs.example", 8443)] == names.asked
    assert [(PUBLIC, 8443)] == network.attempts


async def test_a_name_that_becomes_private_is_refused_the_next_time(spool: Spool) -> None:
    names = Names({"songs.example": [[PUBLIC], ["127.0.0.1"]]})
    network = Network({PUBLIC: http(200, SONG), "127.0.0.1": http(200, SONG)})

    async with AudioSource.open(origins=[ORIGIN], look_up=names, network=network) as source:
        await source.fetch("https://songs.example/a.mp3", spool, "42-1")
        with pytest.raises(NoAudio):
            await source.fetch("https://songs.example/b.mp3", spool, "42-2")

    assert [(PUBLIC, 443)] == network.attempts


@pytest.mark.parametrize(
    ("host", "looked_up"),
    [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("2130706433", "2130706433"), ("LOCALHOST", "localhost")],
)
async def test_an_ip_address_in_the_url_is_checked_like_a_name(
    host: str, looked_up: str, spool: Spool
) -> None:
    names = Names({looked_up: [["::1" if ":" in looked_up else "127.0.0.1"]]})
    network = Network({"127.0.0.1": http(200, SONG), "::1": http(200, SONG)})

    with pytest.raises(NoAudio):
        await fetched(f"https://{host}/a.mp3", spool, names, network)

    assert [(looked_up, 443)] == names.asked
    assert [] == network.attempts


async def test_the_next_address_of_a_name_is_tried_if_one_refuses(spool: Spool) -> None:
    network = Network({PUBLIC: http(200, SONG)})

    stored = await fetched(
        "https://songs.example/a.mp3", spool, Names({"songs.example": [[PUBLIC_V6, PUBLIC]]}), network
    )

    assert AS_MP3 == stored
    assert [(PUBLIC_V6, 443), (PUBLIC, 443)] == network.attempts


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")], ids=repr)
async def test_audio_at_an_unresolvable_name_is_refused(error: Exception, spool: Spool) -> None:
    network = Network()

    with pytest.raises(NoAudio):
        await fetched("https://songs.example/a.mp3", spool, Names({"songs.example": [error]}), network)

    assert [] == network.attempts


async def test_audio_at_an_impossible_name_is_refused(spool: Spool) -> None:
    async with AudioSource.open(origins=[ORIGIN], network=Network()) as source:
        with pytest.raises(NoAudio):
            await source.fetch(f"https://{'a' * 64}.example/a.mp3", spool, "42-1")


@pytest.mark.parametrize(
    ("api", "url", "reached"),
    [
        (LOCAL, f"{LOCAL}/a.mp3", ("127.0.0.1", 8085)),
        ("http://[::1]:8085/base", "http://[::1]:8085/a.mp3", ("::1", 8085)),
        ("http://localhost", "http://LOCALHOST:80/a.mp3", ("localhost", 80)),
        (ORIGIN, "https://music.example/a.mp3", ("music.example", 443)),
    ],
)
async def test_the_services_own_origin_may_have_any_address(
    api: str, url: str, reached: tuple[str, int], spool: Spool
) -> None:
    names, network = Names(), Network({reached[0]: http(200, SONG)})

    assert AS_MP3 == await fetched(url, spool, names, network, origin_of(api))
    assert [] == names.asked
    assert [reached] == network.attempts


async def test_another_port_of_the_services_own_host_is_not_trusted(spool: Spool) -> None:
    names, network = Names({"127.0.0.1": [["127.0.0.1"]]}), Network({"127.0.0.1": http(200, SONG)})

    with pytest.raises(NoAudio):
        await fetched("https://127.0.0.1:9000/a.mp3", spool, names, network, LOCAL)

    assert [] == network.attempts


async def test_a_unix_socket_is_never_connected_to() -> None:
    backend = guard.GuardedBackend("music.example:443", Names(), Network())

    with pytest.raises(httpcore.ConnectError):
        await backend.connect_unix_socket("/run/docker.sock")


async def test_a_redirect_to_a_private_address_is_refused_at_connect(spool: Spool) -> None:
    names = Names({"songs.example": [[PUBLIC]], "inside.example": [["169.254.169.254"]]})
    network = Network(
        {PUBLIC: http(302, Location="https://inside.example/"), "169.254.169.254": http(200, SONG)}
    )

    with pytest.raises(NoAudio):
        await fetched("https://songs.example/a.mp3", spool, names, network)

    assert [(PUBLIC, 443)] == network.attempts


async def test_a_redirect_may_lead_to_the_services_own_origin(spool: Spool) -> None:
    network = Network({PUBLIC: http(302, Location=f"{LOCAL}/a.mp3"), "127.0.0.1": http(200, SONG)})

    stored = await fetched(
        "https://songs.example/a.mp3", spool, Names({"songs.example": [[PUBLIC]]}), network, LOCAL
    )

    assert AS_MP3 == stored


# -- the rest, over a transport


class Body(httpx.AsyncByteStream):
    """A body that is produced while it is read."""

    def __init__(
        self, chunks: Iterable[bytes], wait_s: float = 0.0, then: BaseException | None = None
    ) -> None:
        self.pulled_bytes = 0
        self._chunks = chunks
        self._wait_s = wait_s
        self._then = then

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            await asyncio.sleep(self._wait_s)
            self.pulled_bytes += len(chunk)
            yield chunk
        if self._then is not None:
            raise self._then


def in_pieces(content: bytes, size: int = 1_000) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def serving(content: bytes | Body, status: int = 200, **headers: str) -> Server:
    body = content if isinstance(content, Body) else Body(in_pieces(content))
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, stream=body, headers=fields)


def leading_to(*urls: str) -> tuple[Server, list[str]]:
    """Return a server that redirects from one address to the next and ends at the song, and its requests."""
    asked: list[str] = []
    waiting = list(urls)

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if waiting:
            return httpx.Response(302, headers={"Location": waiting.pop(0)})
        return serving(SONG)(request)

    return serve, asked


@asynccontextmanager
async def source_of(server: Server) -> AsyncIterator[AudioSource]:
    async with AudioSource.open(origins=[ORIGIN], transport=httpx.MockTransport(server)) as source:
        yield source


async def stored_from(server: Server, spool: Spool, url: str = "https://songs.example/a.mp3") -> Stored:
    async with source_of(server) as source:
        return await source.fetch(url, spool, "42-1")


async def refused(server: Server, spool: Spool, url: str = "https://songs.example/a.mp3") -> str:
    """Return why a download was refused, after checking that nothing of it is left."""
    with pytest.raises(NoAudio) as caught:
        await stored_from(server, spool, url)
    assert [] == files(spool)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["audio/mpeg", "application/octet-stream", "text/html", ""])
async def test_a_song_is_stored_completely_whatever_its_type_claims(kind: str, spool: Spool) -> None:
    stored = await stored_from(serving(SONG, Content_Type=kind), spool, "https://songs.example/a.exe")

    assert AS_MP3 == stored
    assert SONG == spool.path(stored.file).read_bytes()
    assert ["42-1.mp3"] == files(spool)


async def test_audio_requests_name_the_bot_without_key_or_compression(spool: Spool) -> None:
    asked: list[httpx.Headers] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        return serving(SONG)(request)

    await stored_from(serve, spool)

    [headers] = asked
    assert "Authorization" not in headers
    assert "identity" == headers["Accept-Encoding"]
    assert headers["User-Agent"].startswith("Tunesmith/")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"I",
        b"<!DOCTYPE html>" + b" " * 10_000,
        b"\n\n<html>" + b" " * 10_000,
        b"<?xml version='1.0'?><Error/>" + b" " * 10_000,
        "\ufeff<html>".encode("utf-16") + b" \x00" * 10_000,
        b'{"error":"gone"}' + b" " * 10_000,
        b"\x00" * 10_000,
        b"\xff\xfe" + b"a\x00" * 10_000,
        b"RIFF\x00\x00\x00\x00AVI " + b" " * 10_000,
        b"PK\x03\x04" + b" " * 10_000,
    ],
    ids=lambda content: repr(content[:20]),
)
async def test_a_file_that_is_not_audio_is_refused_whatever_its_type(content: bytes, spool: Spool) -> None:
    await refused(serving(content, Content_Type="audio/mpeg"), spool)


async def test_a_file_that_is_not_audio_is_refused_at_its_first_bytes(spool: Spool) -> None:
    body = Body([b"<html>" + b" " * 1_000] * 1_000)

    await refused(serving(body), spool)

    assert body.pulled_bytes < 3_000


@pytest.mark.parametrize("size_bytes", [4, 12, AUDIO_MIN_BYTES - 1])
async def test_a_file_too_short_for_a_song_is_refused(size_bytes: int, spool: Spool) -> None:
    await refused(serving(SONG[:size_bytes]), spool)


@pytest.mark.parametrize("piece_bytes", [1, 3, 5, 11, 12, 13, 64])
async def test_a_song_may_arrive_in_chunks_of_any_size(
    piece_bytes: int, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "AUDIO_MIN_BYTES", 64)
    content = b"RIFF\x00\x10\x00\x00WAVE" + bytes(64 - 12)

    stored = await stored_from(serving(Body(in_pieces(content, piece_bytes))), spool)

    assert ("42-1.wav", 64) == (stored.file, stored.size_bytes)
    assert content == spool.path(stored.file).read_bytes()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused_unread(encoding: str, spool: Spool) -> None:
    body = Body([gzip.compress(SONG)])

    await refused(serving(body, Content_Encoding=encoding), spool)

    assert 0 == body.pulled_bytes


async def test_an_endless_body_is_cut_at_the_cap(spool: Spool) -> None:
    megabyte = b"ID3" + bytes(1024 * 1024 - 3)
    body = Body(megabyte for _ in iter(int, 1))

    await refused(serving(body), spool)

    assert body.pulled_bytes <= AUDIO_MAX_BYTES + len(megabyte)


async def test_a_song_of_exactly_the_maximum_size_is_stored(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "AUDIO_MAX_BYTES", len(SONG))

    assert AS_MP3 == await stored_from(serving(SONG), spool)
    spool.path("42-1.mp3").unlink()
    await refused(serving(SONG + b"x"), spool)


async def test_a_trickling_body_is_cut_off_at_the_deadline(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "DOWNLOAD_S", 0.05)
    body = Body((SONG[at : at + 1] for at in range(len(SONG))), wait_s=0.005)

    await refused(serving(body), spool)

    assert body.pulled_bytes < 100


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 403, 404, 410, 429, 500, 503])
async def test_only_a_200_is_a_song(status: int, spool: Spool) -> None:
    assert f"HTTP {status} at https://songs.example:443" == await refused(serving(SONG, status), spool)


@pytest.mark.parametrize("count", [1, 5])
async def test_a_few_redirects_are_followed(count: int, spool: Spool) -> None:
    urls = ["/relative.mp3", "https://b.example/", "//c.example/x", "?q=1", "https://d.example:444/"][:count]
    server, asked = leading_to(*urls)

    assert AS_MP3 == await stored_from(server, spool)
    assert count + 1 == len(asked)


async def test_too_many_redirects_are_refused(spool: Spool) -> None:
    server, asked = leading_to(*(f"https://songs.example/{number}" for number in range(6)))

    assert "more than 5 redirects" == await refused(server, spool)
    assert 6 == len(asked)


async def test_a_loop_of_redirects_is_refused(spool: Spool) -> None:
    asked = 0

    def serve(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(302, headers={"Location": "https://songs.example/a.mp3"})

    await refused(serve, spool)

    assert 6 == asked


@pytest.mark.parametrize(
    "url",
    [
        "http://songs.example/b.mp3",
        "file:///etc/passwd",
        "ftp://songs.example/b.mp3",
        "https://user:secret@songs.example/b.mp3",
        "https://songs.example/None.mp3",
        "https://songs.example/api/forbidden",
        "https://songs.example:99999/",
        "https://[::1/",
    ],
)
async def test_a_redirect_to_an_unsupported_address_is_refused(url: str, spool: Spool) -> None:
    server, asked = leading_to(url)

    await refused(server, spool)

    assert ["https://songs.example/a.mp3"] == asked


@pytest.mark.parametrize("url", ["http://songs.example/a.mp3", "file:///etc/passwd", "/a.mp3", ""])
async def test_an_unsupported_address_is_never_requested(url: str, spool: Spool) -> None:
    server, asked = leading_to()

    await refused(server, spool, url)

    assert [] == asked


async def test_a_refusal_shows_only_the_host_of_an_address(spool: Spool) -> None:
    signed = "https://songs.example/a.mp3?signature=secret"

    assert "secret" not in await refused(serving(b"", 403), spool, signed)
    assert "secret" not in await refused(serving(b""), spool, signed)
    assert "secret" not in await refused(leading_to()[0], spool, "http://x:secret@songs.example/")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        ssl.SSLError("bad record mac"),
        ConnectionResetError("reset"),
    ],
    ids=repr,
)
async def test_an_interrupted_download_is_refused_and_leaves_nothing(error: Exception, spool: Spool) -> None:
    await refused(serving(Body([SONG], then=error)), spool)


# -- the spool


class FullDisk(io.BytesIO):
    """A file on a full disk."""

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    for chunk in given:
        yield chunk


async def test_a_full_disk_is_transient_and_leaves_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(part: Path) -> FullDisk:
        part.parent.mkdir()
        part.touch()
        return FullDisk()

    monkeypatch.setattr(spool_module, "_create", create)

    with pytest.raises(Transient, match=r"No space left on device.*SPOOL_DIR"):
        await stored_from(serving(SONG), spool)
    assert [] == files(spool)


async def test_a_disk_that_fills_up_at_the_end_is_transient_too(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", fsync)

    with pytest.raises(Transient):
        await stored_from(serving(SONG), spool)
    assert [] == files(spool)


async def test_an_unwritable_spool_is_transient(spool: Spool) -> None:
    spool.folder.write_text("a file where the folder should be")

    with pytest.raises(Transient, match="SPOOL_DIR"):
        await stored_from(serving(SONG), spool)


async def test_a_partial_file_of_an_earlier_process_is_replaced(spool: Spool) -> None:
    spool.folder.mkdir()
    spool.path("42-1.part").write_bytes(b"half a song" * 10_000)
    spool.path("42-1.mp3").write_bytes(b"an older take")

    stored = await stored_from(serving(SONG), spool)

    assert SONG == spool.path(stored.file).read_bytes()
    assert ["42-1.mp3"] == files(spool)


@pytest.mark.parametrize("content", [b"", b"<html>" * 1_000, SONG[:100]])
async def test_a_refused_file_leaves_an_earlier_one_alone(content: bytes, spool: Spool) -> None:
    spool.folder.mkdir()
    spool.path("42-1.mp3").write_bytes(SONG)

    with pytest.raises(NoAudio):
        await stored_from(serving(content), spool)

    assert ["42-1.mp3"] == files(spool)
    assert SONG == spool.path("42-1.mp3").read_bytes()


async def test_a_song_gets_its_name_once_it_is_completely_on_disk(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append(files(spool)))

    await spool.store("42-1", chunks(SONG))

    assert [["42-1.part"], ["42-1.mp3"]] == synced


@pytest.mark.parametrize("after_chunks", [0, 1, 3])
async def test_a_canceled_download_leaves_nothing(after_chunks: int, spool: Spool) -> None:
    reached = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        for _ in range(after_chunks):
            yield SONG
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(spool.store("42-1", stuck()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [] == files(spool)


async def test_a_download_canceled_at_once_leaves_nothing(spool: Spool) -> None:
    for _ in range(20):
        task = asyncio.create_task(spool.store("42-1", chunks(SONG)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await asyncio.sleep(0.05)
    assert [] == files(spool)


# -- magic bytes


@pytest.mark.parametrize(
    ("start", "ending"),
    [
        (b"ID3\x03\x00\x00\x00\x00\x00\x00", ".mp3"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", ".mp3"),
        (b"\xff\xfb\x90\x00", ".mp3"),
        (b"\xff\xfa\x90\x00", ".mp3"),
        (b"\xff\xf3\x90\x00", ".mp3"),
        (b"\xff\xf2\x90\x00", ".mp3"),
        (b"\xff\xe3\x90\x00", ".mp3"),
        (b"\xff\xfd\x90\x00", ".mp3"),
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", ".wav"),
        (b"\x00\x00\x00\x20ftypM4A ", ".m4a"),
        (b"\x00\x00\x00\x18ftypisom", ".m4a"),
        (b"OggS\x00\x02", ".ogg"),
        (b"fLaC\x00\x00\x00\x22", ".flac"),
        (b"", None),
        (b"I", None),
        (b"ID", None),
        (b"\xff", None),
        (b"\xff\xff\xff\xff", None),
        (b"\xff\xfe\x3c\x00", None),
        (b"\xfe\xff\x00\x3c", None),
        (b"\xff\xf1\x50\x80", ".aac"),
        (b"\xff\xd8\xff\xe0", None),
        (b"\xfb\xff\x90\x00", None),
        (b"RIFF\x24\x08\x00\x00AVI LIST", None),
        (b"RIFF", None),
        (b"ftypM4A ", None),
        (b"oggs", None),
        (b" ID3", None),
        (b"<html>", None),
        (b"<?xml", None),
        (b"{}", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\x1f\x8b\x08", None),
    ],
)
def test_audio_is_recognised_by_its_first_bytes(start: bytes, ending: str | None) -> None:
    assert ending == ending_of(start)
