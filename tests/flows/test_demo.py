"""The demo, with every contract of the sandbox."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bot.model import Backend
from bot.playground import demo
from bot.sandbox import mp3, server
from bot.sandbox.contracts import SANDBOXES
from bot.sandbox.synthesis import RATE_HZ

SILENCE = mp3.encode(np.zeros((2, RATE_HZ), dtype=np.float32), RATE_HZ)


@pytest.mark.parametrize("contract", Backend)
def test_the_demo_goes_as_planned(contract: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "song", lambda *song: mp3.tag(str(song)) + SILENCE)
    monkeypatch.setattr(demo, "DELAY_S", 0.1)
    monkeypatch.setattr(demo, "PACE", 0.01)
    said: list[str] = []

    assert asyncio.run(demo.play(tmp_path, said.append, contract)), "\n".join(said)
    charged = demo.TASKS * SANDBOXES[contract].credits_per_task
    assert f"charged {charged} credits" in "\n".join(said)
    assert demo.FILES == len(list(tmp_path.iterdir()))
