"""Exports too large for one file, or for everything that Discord accepts."""

import asyncio
import gzip
import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.refusals import ExportRunning
from bot.services import export_files as module
from bot.services.export_files import Export, OneExportEach, write_json

HEAD = {"member": 7, "language": None}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce the size of parts from 8 MiB to 64 KiB."""
    monkeypatch.setattr(module, "PART_MAX_BYTES", 64 * 1024)


def songs(count: int) -> Iterator[str]:
    """Yield texts of 2,000 characters that barely compress."""
    rng = random.Random(1)  # noqa: S311 - no secret
    for _ in range(count):
        yield rng.randbytes(1_000).hex()


def read(export: Export) -> list[dict[str, Any]]:
    return [
        json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        for path in export.paths
    ]


def test_a_small_export_is_one_plain_file(tmp_path: Path) -> None:
    export = write_json(tmp_path / "a.json", HEAD, {"songs": songs(3), "drafts": iter(["one"])})

    assert [HEAD | {"songs": [*songs(3)], "drafts": ["one"]}] == read(export)
    assert ((tmp_path / "a.json",), 3, True) == (export.paths, export.count, export.complete)


def test_a_large_export_that_compresses_well_is_one_compressed_file(tmp_path: Path) -> None:
    export = write_json(tmp_path / "a.json", HEAD, {"songs": ("x" * 2_000 for _ in range(100))})

    assert [tmp_path / "a.json.gz"] == list(export.paths) == list(tmp_path.iterdir())
    assert 100 == len(read(export)[0]["songs"])


def test_each_part_of_a_large_export_is_valid_and_nothing_is_lost(tmp_path: Path) -> None:
    export = write_json(tmp_path / "a.json", HEAD, {"songs": songs(150), "drafts": ["one"]})

    parts = read(export)
    assert export.complete
    assert 1 < len(parts) <= module.PARTS_MAX
    assert [*songs(150)] == [song for part in parts for song in part["songs"]]
    assert ["one"] == parts[-1]["drafts"]
    assert [HEAD] * len(parts) == [{name: part[name] for name in HEAD} for part in parts]


def test_an_endless_export_stays_small_in_memory_and_on_disk(tmp_path: Path) -> None:
    tracemalloc.start()
    export = write_json(tmp_path / "a.json", HEAD, {"songs": songs(5_000), "drafts": ["one"]})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert not export.complete
    assert module.PARTS_MAX == len(sizes)
    assert max(sizes) < 1.25 * module.PART_MAX_BYTES
    assert peak_bytes < 2_000_000
    assert export.count == sum(len(part["songs"]) for part in read(export)) < 5_000


async def test_a_members_second_export_is_refused_and_other_members_wait() -> None:
    exports, order = OneExportEach(), []

    async def export(person: int) -> None:
        async with exports.of(person):
            order.append(person)

    async with exports.of(1):
        other = asyncio.create_task(export(2))
        await asyncio.sleep(0)
        with pytest.raises(ExportRunning):
            await export(1)
        waiting = list(order)
    await other
    await export(1)

    assert ([], [2, 1]) == (waiting, order)
