"""``tunesmith doctor``: one line a check, with what to do; it changes nothing.

Each check has a deadline of its own, and what looks at files does so on a thread that nobody waits for
at the end: a disk that does not answer holds up its own line and no other.
"""

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bot.model import Check, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """One check that is to be made: what it is called, how, and how long it may take."""

    name: str
    within_s: float
    make: Callable[[], Awaitable[Sequence[Check]]]
    advice: str
    """What to do if it does not end in time."""


async def examined(check_specs: Sequence[CheckSpec]) -> AsyncIterator[Check]:
    """All of them at the same time; their lines in the given order, each as soon as it is known."""
    tasks = [asyncio.create_task(_made(examination)) for examination in check_specs]
    try:
        for task in tasks:
            for check in await task:
                yield check
    finally:
        for task in tasks:
            task.cancel()


async def _made(examination: CheckSpec) -> Sequence[Check]:
    try:
        async with asyncio.timeout(examination.within_s):
            return await examination.make()
    except TimeoutError:
        said = f"no answer within {examination.within_s:.0f} s; {examination.advice}"
        return [failure(examination.name, said)]
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others go on
        # Neither its text nor its values: they may have a secret in them.
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(at.filename).name}, line {at.lineno}"
        return [failure(examination.name, f"the check itself broke ({where}); report it")]


async def on_a_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns. Who stops waiting for it leaves it behind; it ends with the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def hand_over(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # None only where T allows it

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised again where somebody waits for it
            problem = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(hand_over, result, problem)

    threading.Thread(target=run, daemon=True, name="a check").start()
    return await done


def ok(name: str, finding: str) -> Check:
    """All is well."""
    return Check(verdict=Verdict.OK, name=name, finding=finding)


def warning(name: str, finding: str) -> Check:
    """Something that does not keep the bot from working."""
    return Check(verdict=Verdict.WARNING, name=name, finding=finding)


def failure(name: str, finding: str) -> Check:
    """Something that has to be mended."""
    return Check(verdict=Verdict.FAILURE, name=name, finding=finding)
