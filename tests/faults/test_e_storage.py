"""Faults of the disks: no song is promised or paid for that could not be stored."""

import asyncio
import errno
import os
import shutil
import tempfile
import threading
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.model import FailReason, JobState
from bot.pipeline import storage
from bot.pipeline.storage import FREE_MIN_BYTES, Storage, find_problem
from bot.pipeline.submitting import QUEUE_MAX
from bot.refusals import NoRoom
from bot.store.reconcile import reconcile
from tests import make
from tests.faults.promise import assert_survived
from tests.unit.pipeline.rig import Rig

DONE, TOLD = JobState.DELIVERED, JobState.EXPLAINED
FULL = "SPOOL_DIR: /spool has 3 MiB left; free some space"


# -- possible problems


def a_file_in_its_place(folder: Path, _: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def pointing_nowhere(folder: Path, _: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder.parent / "missing" / "folder")


def fails(number: int) -> Callable[[Path, pytest.MonkeyPatch], None]:
    def breaks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        create = tempfile.TemporaryFile

        def temporary_file(*, dir: Path) -> object:  # noqa: A002 - as in tempfile
            if dir == folder:
                raise OSError(number, os.strerror(number))
            return create(dir=dir)

        monkeypatch.setattr(tempfile, "TemporaryFile", temporary_file)

    return breaks


def nearly_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's own
    measure = shutil.disk_usage
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda path: usage(1 << 40, 1 << 40, FREE_MIN_BYTES - 1) if path == folder else measure(path),
    )


BROKEN: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "a file in its place": a_file_in_its_place,
    "pointing nowhere": pointing_nowhere,
    "full": fails(errno.ENOSPC),
    "over quota": fails(errno.EDQUOT),
    "read-only": fails(errno.EROFS),
    "not allowed": fails(errno.EACCES),
    "broken": fails(errno.EIO),
    "nearly full": nearly_full,
}


@pytest.mark.parametrize("setting", ["DATABASE_URL", "SPOOL_DIR"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_folder_that_cannot_store_anything_is_detected_and_named(
    how: str, setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"DATABASE_URL": tmp_path / "data", "SPOOL_DIR": tmp_path / "spool"}
    for folder in folders.values():
        folder.mkdir()
    database = folders["DATABASE_URL"] / "tunesmith.db"
    assert find_problem(database, folders["SPOOL_DIR"]) is None

    BROKEN[how](folders[setting], monkeypatch)
    problem = find_problem(database, folders["SPOOL_DIR"])

    assert problem is not None
    assert f"{setting}: {folders[setting]} " in problem


def test_a_spool_that_was_deleted_is_created_again(tmp_path: Path) -> None:
    assert find_problem(tmp_path / "tunesmith.db", tmp_path / "spool") is None
    assert (tmp_path / "spool").is_dir()
    assert [] == list((tmp_path / "spool").iterdir())


# -- frequency and duration


async def test_an_ongoing_storage_problem_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "FRESH_S", 0.0)
    found: list[str | None] = [None, "full", "full", None, "full"]
    monkeypatch.setattr(storage, "find_problem", lambda *_: found.pop(0))
    alerts: list[str] = []

    async with Storage.open(tmp_path / "tunesmith.db", tmp_path / "spool", alerts.append) as tested:
        problems = [await tested.problem() for _ in range(5)]

    assert [None, "full", "full", None, "full"] == problems
    assert ["New songs are refused, because none can be stored: full."] * 2 == alerts


async def test_many_requests_at_a_time_test_the_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests: list[Path] = []
    monkeypatch.setattr(storage, "find_problem", lambda _, spool: tests.append(spool))

    async with Storage.open(tmp_path / "tunesmith.db", tmp_path / "spool", print) as tested:
        await asyncio.gather(*(tested.problem() for _ in range(50)))
        await tested.problem()

    assert [tmp_path / "spool"] == tests


async def test_a_hanging_disk_is_a_problem_and_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "ANSWER_WITHIN_S", 0.02)
    monkeypatch.setattr(storage, "HANGS_AFTER_S", 60.0)
    monkeypatch.setattr(storage, "FRESH_S", 0.0)
    responds, calls = threading.Event(), [0]

    def hang(*_: Path) -> None:
        calls[0] += 1
        assert responds.wait(10.0)

    monkeypatch.setattr(storage, "find_problem", hang)
    async with Storage.open(tmp_path / "tunesmith.db", tmp_path / "spool", lambda _: None) as tested:
        first = await tested.problem()
        monkeypatch.setattr(storage, "HANGS_AFTER_S", 0.0)
        problems = [await tested.problem() for _ in range(2)]
        responds.set()
        monkeypatch.setattr(storage, "ANSWER_WITHIN_S", 5.0)
        assert await tested.problem() is None

    assert first is None  # it may only be busy
    assert ["DATABASE_URL or SPOOL_DIR: the disk does not respond"] * 2 == problems
    assert 1 == calls[0]


# -- no promise, no payment


async def test_a_request_without_room_for_the_song_is_refused_for_free(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.storage_problem = FULL
    origin = make.origin()
    with pytest.raises(NoRoom):
        await rig.ask(origin=origin)
    proof = await rig.database.read(reconcile)
    rig.storage_problem = None
    again = await rig.intake.accept(make.prompt(), origin)  # Discord delivers the same interaction again
    job = await rig.ask()
    await rig.until(job, DONE)

    assert ((), 0, 0) == (proof.findings, proof.jobs, proof.held)
    assert again is None
    await assert_survived(rig, caplog, job, says="delivered")


async def test_a_promised_song_is_only_paid_for_once_there_is_room(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    rig.storage_problem = FULL
    for _ in range(3):
        await rig.step(job)
    requests = rig.music.posts
    state = await rig.state(job)
    rig.storage_problem = None
    await rig.until(job, DONE)

    assert (0, JobState.QUEUED) == (requests, state)
    await assert_survived(rig, caplog, job, says="delivered")


async def test_a_promised_song_without_room_for_an_hour_is_released(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    rig.storage_problem = FULL
    for _ in range(3):
        await rig.step(job)
    rig.clock.now += QUEUE_MAX
    await rig.until(job, TOLD)

    assert FailReason.EXPIRED is (await rig.get(job)).reason
    assert 0 == rig.music.posts
    await assert_survived(rig, caplog, job, says=r"failed \(expired\)", posts=0)


async def test_a_song_whose_files_are_lost_is_posted_as_links(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    shutil.rmtree(rig.spool.folder)
    rig.music.audio = {"/task-1-1.mp3": 410, "/task-1-2.mp3": 410}

    await rig.until(job, DONE)

    assert 2 == caplog.text.count("stored file missing")
    assert [{}] == list(rig.chat.audio.values())
