"""Faults of downloads: only songs are fetched, and an available song arrives."""

import asyncio
import errno
import os
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import IO

import discord
import pytest

from bot.model import FailReason, Job, JobState
from bot.music import downloads, spool
from bot.playground.world import World
from bot.sandbox import server
from bot.store.reconcile import reconcile
from tests import make
from tests.doubles.in_process import AUDIO, SONG, answers
from tests.faults.internet import PUBLIC, PUBLIC_V6, Internet
from tests.faults.loopback import Exchange, Loopback, wire
from tests.faults.promise import assert_survived
from tests.unit.pipeline.rig import Rig

DONE, TOLD, READY, RUNNING = JobState.DELIVERED, JobState.EXPLAINED, JobState.READY, JobState.RUNNING
CANT = r"take not available \(1\)"
SECRET = "signature=s3cr3t"


async def ready(rig: Rig, *urls: str) -> Job:
    """Return a job whose song is available at these addresses but not fetched yet."""
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.task.urls = list(urls) or rig.task.urls
    await rig.until(job, READY)
    return job


def files(rig: Rig) -> list[str]:
    return sorted(path.name for path in rig.spool.folder.glob("*"))


# -- addresses


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104 - an address that must be refused
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2001:0:5db8:d822::1",
        "2001:db8::1",
    ],
)
async def test_a_host_with_a_private_address_is_refused_at_connect(
    address: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet(songs_example=[[address]])
    rig.audio_over = internet.over
    job = await ready(rig, f"https://songs.example/1.mp3?{SECRET}", "https://songs.example/2.mp3")

    await rig.step(job)
    assert (READY, []) == (await rig.state(job), internet.attempts)
    internet.names["songs.example"] = [[PUBLIC]]
    await rig.until(job, DONE)

    assert {(PUBLIC, 443)} == set(internet.attempts)
    await assert_survived(rig, caplog, job, says=CANT, secrets=(SECRET,))


@pytest.mark.parametrize("addresses", [[PUBLIC, "10.0.0.1"], ["::1", PUBLIC_V6], []])
async def test_a_host_with_one_address_that_is_not_public_is_refused_as_a_whole(
    addresses: list[str], rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet(songs_example=[addresses])
    rig.audio_over = internet.over
    job = await ready(rig, "https://songs.example/1.mp3")

    await rig.step(job)

    assert (READY, []) == (await rig.state(job), internet.attempts)
    await assert_survived(rig, caplog, job, says=CANT)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "127.0.0.1."]
)
async def test_an_ip_address_in_place_of_a_name_is_checked_too(
    host: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet()
    internet.names = {host.strip("[]"): [["::1" if ":" in host else "127.0.0.1"]]}
    rig.audio_over = internet.over
    job = await ready(rig, f"https://{host}/1.mp3")

    await rig.step(job)

    assert ([host.strip("[]")], []) == (internet.asked, internet.attempts)
    await assert_survived(rig, caplog, job, says=CANT)


async def test_a_name_that_later_resolves_elsewhere_is_refused_then(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet(songs_example=[[PUBLIC], ["127.0.0.1"], ["10.0.0.1"], [PUBLIC]])
    rig.audio_over = internet.over
    job = await ready(rig, "https://songs.example/1.mp3", "https://songs.example/2.mp3")

    await rig.step(job)
    assert [(PUBLIC, 443)] == internet.attempts
    await rig.until(job, DONE)

    assert [(PUBLIC, 443)] * 2 == internet.attempts
    assert 4 == len(internet.asked)
    assert [2] == [post.files for post in rig.chat.posts]
    await assert_survived(rig, caplog, job, says=r"take not available \(2\)")


@pytest.mark.documented
async def test_the_music_services_own_origin_may_be_local(
    rig: Rig, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    job = await ready(rig)

    await rig.until(job, DONE)

    assert [loopback.url] * 2 == [track.url.partition("/audio/")[0] for track in (await rig.get(job)).tracks]
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.documented
async def test_another_port_of_the_services_own_host_is_refused_at_connect(
    rig: Rig, caplog: pytest.LogCaptureFixture, loopback: Loopback
) -> None:
    reached: list[object] = []

    async def other(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer)
        writer.close()

    listener = await asyncio.start_server(other, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    job = await ready(rig, f"https://127.0.0.1:{port}/1.mp3")

    await rig.step(job)
    listener.close()

    assert (READY, []) == (await rig.state(job), reached)
    assert loopback.connections
    await assert_survived(rig, caplog, job, says=CANT)


# -- redirects


def leads_to(url: str) -> bytes:
    return wire(302, Location=url)


@pytest.mark.parametrize(
    ("redirects", "connections"),
    [
        ([leads_to("https://inside.example/1.mp3")], 1),
        ([leads_to("https://127.0.0.1/1.mp3")], 1),
        ([leads_to("http://songs.example/1.mp3")], 1),
        ([leads_to("file:///etc/passwd")], 1),
        ([leads_to("https://member:s3cr3t@songs.example/1.mp3")], 1),
        ([leads_to("https://xn--a.example/1.mp3")], 1),
        ([leads_to("https://[::1/1.mp3")], 1),
        ([wire(302)], 1),
        ([leads_to(f"https://songs.example/{number}.mp3") for number in range(6)], 6),
        ([leads_to("https://songs.example/1.mp3")] * 6, 6),
        ([leads_to("/1.mp3"), leads_to("https://inside.example/1.mp3")], 2),
    ],
    ids=[
        "private name",
        "private",
        "http",
        "file",
        "password",
        "no name",
        "broken",
        "nowhere",
        "many",
        "loop",
        "second hop",
    ],
)
async def test_a_redirect_to_a_forbidden_place_is_refused(
    redirects: list[bytes], connections: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet(songs_example=[[PUBLIC]], inside_example=[["10.0.0.1"]])
    internet.names["127.0.0.1"] = [["127.0.0.1"]]
    internet.says = list(redirects)
    rig.audio_over = internet.over
    job = await ready(rig, "https://songs.example/1.mp3")

    await rig.step(job)
    assert READY is await rig.state(job)
    assert [(PUBLIC, 443)] * connections == internet.attempts
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says=CANT, secrets=("s3cr3t",))


async def test_five_redirects_are_followed(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    internet = Internet(songs_example=[[PUBLIC]])
    internet.says = [leads_to(f"/{number}.mp3") for number in range(5)]
    rig.audio_over = internet.over
    job = await ready(rig, "https://songs.example/1.mp3")

    await rig.step(job)

    assert JobState.STORED is await rig.state(job)
    assert 6 == len(internet.attempts)
    await assert_survived(rig, caplog, job, says="stored")


# -- content


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html>" + b" " * 10_000,
        b"<?xml version='1.0'?><Error>AccessDenied</Error>" + b" " * 10_000,
        b'{"error": "expired"}' + b" " * 10_000,
        b"ID3 too short",
        b"\x89PNG\r\n\x1a\n" + bytes(10_000),
    ],
    ids=["HTML", "XML", "JSON", "short", "PNG"],
)
async def test_a_file_that_is_not_audio_is_refused_whatever_its_type_claims(
    content: bytes, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet(songs_example=[[PUBLIC]])
    internet.says = [wire(200, content, Content_Type="audio/mpeg")]
    rig.audio_over = internet.over
    job = await ready(rig, "https://songs.example/1.mp3")

    await rig.step(job)
    assert (READY, []) == (await rig.state(job), files(rig))
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says=CANT)


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/html", "binary/x-unknown", ""])
@pytest.mark.parametrize(
    ("content", "ending"), [(SONG, ".mp3"), (b"RIFF\0\0\0\0WAVE" + bytes(9_000), ".wav")]
)
async def test_audio_is_accepted_whatever_its_type_claims(
    content: bytes, ending: str, kind: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    internet = Internet(songs_example=[[PUBLIC]])
    internet.says = [wire(200, content, Content_Type=kind)]
    rig.audio_over = internet.over
    job = await ready(rig, "https://songs.example/download?file=1.exe")

    await rig.until(job, DONE)

    assert [f"{job.id}-1{ending}"] == files(rig)
    await assert_survived(rig, caplog, job, says="delivered")


BOMB = wire(200, zlib.compress(SONG + bytes(16 << 20)), Content_Encoding="deflate")


async def bomb(exchange: Exchange) -> None:
    await exchange.send(BOMB)


async def endless(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n\r\nID3")
    while True:
        await exchange.send(bytes(1 << 16))


async def endless_headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.send(b"X-Header: " + b"x" * 1_000 + b"\r\n")


async def trickle(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n\r\nID3")
    while True:
        await exchange.send(b"x")
        await asyncio.sleep(0.01)


async def silence(_: Exchange) -> None:
    await asyncio.sleep(5.0)


async def cut_off(exchange: Exchange) -> None:
    await exchange.send(wire(200, SONG, Content_Length="1000000"))


async def reset(exchange: Exchange) -> None:
    await exchange.send(wire(200, SONG, Content_Length="1000000"))
    exchange.reset()


ENDLESS = {
    "a bomb": bomb,
    "an endless body": endless,
    "endless headers": endless_headers,
    "a byte at a time": trickle,
    "silence": silence,
    "a cut body": cut_off,
    "a reset": reset,
}


@pytest.mark.documented
@pytest.mark.parametrize("fault", ENDLESS)
async def test_a_compressed_endless_or_slow_body_is_cut_off_in_flat_memory(
    fault: str,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    loopback: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool, "AUDIO_MAX_BYTES", 16 << 20)
    job = await ready(rig, f"{loopback.url}/audio/1.mp3")
    loopback.on_audio = [ENDLESS[fault]]

    with monkeypatch.context() as patch:
        if fault in ("a byte at a time", "silence"):
            patch.setattr(downloads, "DOWNLOAD_S", 0.1)
        tracemalloc.start()
        await rig.step(job)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak_bytes < 2 << 20
    assert (READY, []) == (await rig.state(job), files(rig))
    await rig.until(job, DONE)
    await assert_survived(rig, caplog, job, says=CANT)


# -- missing audio


@pytest.mark.parametrize("gone", [403, 404, 410, 500, 204, b""], ids=str)
async def test_missing_audio_is_retried_with_backoff_until_it_appears(
    gone: int | bytes, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.audio = {f"/task-1-{take}.mp3": gone for take in (1, 2)}
    await rig.until(job, READY)
    polls = rig.music.polls

    waits = []
    for _ in range(6):
        await rig.step(job)
        waits.append(await rig.wait_s(job))
    assert (READY, polls + 6, 10) == (await rig.state(job), rig.music.polls, (await rig.balance()).held)
    rig.task.urls = [f"{AUDIO}/fresh-1.mp3", f"{AUDIO}/fresh-2.mp3"]
    await rig.until(job, DONE)

    assert [5.0, 10.0, 20.0, 40.0, 60.0, 60.0] == waits
    assert rig.task.urls == [track.url for track in (await rig.get(job)).tracks]
    await assert_survived(rig, caplog, job, says=CANT)


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_audio_is_retried_even_while_the_task_cannot_be_queried(
    status: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.audio = {f"/task-1-{take}.mp3": 404 for take in (1, 2)}
    await rig.until(job, READY)
    rig.music.on_poll = [answers(status) for _ in range(5)]

    while rig.music.on_poll:
        await rig.step(job)
        assert READY is await rig.state(job)
    rig.music.audio.clear()
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says=CANT)


@pytest.mark.parametrize("gone", [403, 404, 410, b""], ids=str)
async def test_audio_missing_for_six_hours_is_given_up_and_reported(
    gone: int | bytes, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.audio = {f"/task-1-{take}.mp3": gone for take in (1, 2)}
    await rig.until(job, READY)
    began = rig.clock.now

    await rig.step(job)
    rig.clock.now = began + timedelta(hours=5, minutes=59)
    await rig.round()
    assert READY is await rig.state(job)
    await rig.until(job, TOLD)

    assert FailReason.AUDIO_GONE is (await rig.get(job)).reason
    assert timedelta(hours=6) <= rig.clock.now - began <= timedelta(hours=6, minutes=2)
    await assert_survived(rig, caplog, job, says=r"failed \(audio_gone\)")


# -- the server's upload limit


async def test_a_song_over_the_upload_limit_becomes_links_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "song", lambda *args, **_: SONG + repr(args).encode())
    async with World.open(tmp_path, delay_s=0.0, pace=0.005) as world:
        mia = world.add_member("Mia")
        world.env.inject_error("POST", "/channels/*/messages", status=413, code=40005, times=2)
        await mia.slash(world.channel, "music create", prompt="a long one")
        async with asyncio.timeout(10.0):
            while not (found := [said for said in world.channel.history() if said.content.startswith("<@")]):
                world.changed.clear()
                await world.changed.wait()
        reconciliation = await world.parts.database.read(reconcile)
        kept = await world.parts.database.read(
            lambda tx: {row["file"] for row in tx.execute("SELECT file FROM track").fetchall()}
        )

    assert [0] == [len(message.attachments) for message in found]
    assert ["Take 1", "Take 2"] == [button.label for button in links(found[0])]
    assert {"http://127.0.0.1"} == {(button.url or "").rpartition(":")[0] for button in links(found[0])}
    assert kept == {path.name for path in (tmp_path / "spool").iterdir()}
    assert 2 == len(kept)
    assert () == reconciliation.findings


def links(message: discord.Message) -> list[discord.Button]:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return [item for row in rows for item in row.children if isinstance(item, discord.Button) and item.url]


# -- the disk


def fails(number: int) -> Callable[[object], IO[bytes]]:
    def create(_: object) -> IO[bytes]:
        raise OSError(number, os.strerror(number))

    return create


def full(_: object) -> IO[bytes]:
    """Open the system's own file on a disk that is always full."""
    return Path("/dev/full").open("wb")


def failing_flush(_: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


DISK = {
    "full": ("bot.music.spool._create", full),
    "over quota": ("bot.music.spool._create", fails(errno.EDQUOT)),
    "read-only": ("bot.music.spool._create", fails(errno.EROFS)),
    "not allowed": ("bot.music.spool._create", fails(errno.EACCES)),
    "broken": ("os.fsync", failing_flush),
}


@pytest.mark.parametrize("fault", DISK)
async def test_a_song_rejected_by_the_disk_waits_and_is_reported(
    fault: str, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await ready(rig)

    with monkeypatch.context() as patch:
        patch.setattr(*DISK[fault])
        for _ in range(4):
            await rig.step(job)
            assert (READY, []) == (await rig.state(job), files(rig))
            assert 0 < (await rig.wait_s(job) or 0.0) <= 60.0
    assert 10 == (await rig.balance()).held
    assert 1 == len(set(rig.alerts))
    await rig.until(job, DONE)

    assert 2 == len(files(rig))
    await assert_survived(rig, caplog, job, says="step postponed .*SPOOL_DIR")


async def test_songs_wait_while_the_spool_is_not_a_folder(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    job = await ready(rig)
    rig.spool.folder.write_text("a file where the folder should be")

    await rig.step(job)
    assert (READY, 1) == (await rig.state(job), len(rig.alerts))
    rig.spool.folder.unlink()
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="step postponed .*SPOOL_DIR")


async def test_one_song_without_room_on_the_disk_does_not_delay_others(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = await ready(rig)
    create = spool._create
    monkeypatch.setattr(spool, "_create", lambda path: (full if str(stuck.id) in path.name else create)(path))

    other = await rig.ask()
    await rig.until(other, DONE)

    assert READY is await rig.state(stuck)
    await assert_survived(rig, caplog, stuck, other, says="(step postponed|delivered)")


async def test_after_hours_without_room_fresh_addresses_come_before_giving_up(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await ready(rig)
    with monkeypatch.context() as patch:
        patch.setattr(spool, "_create", full)
        await rig.step(job)
        rig.clock.forward(hours=7)
        await rig.round()

    rig.music.audio = {f"/task-1-{take}.mp3": 403 for take in (1, 2)}
    rig.task.urls = [f"{AUDIO}/fresh-1.mp3", f"{AUDIO}/fresh-2.mp3"]
    await rig.until(job, DONE, TOLD)

    assert DONE is await rig.state(job)
    await assert_survived(rig, caplog, job, says=CANT)


async def test_a_download_whose_process_dies_is_restarted(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    job = await ready(rig)
    rig.spool.folder.mkdir()
    (rig.spool.folder / f"{job.id}-1.part").write_bytes(b"half a song")

    async with rig.process() as runner:
        rig.clock.forward(seconds=1)
        around = asyncio.create_task(runner.round())
        await asyncio.sleep(0)
        for task in [*runner._busy, around]:
            task.cancel()
        await asyncio.wait([*runner._busy, around])
    await rig.until(job, DONE)

    assert [f"{job.id}-1.mp3", f"{job.id}-2.mp3"] == files(rig)
    assert make.CHANNEL == rig.chat.posts[0].channel_id
    await assert_survived(rig, caplog, job, says="delivered")
