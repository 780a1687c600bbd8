"""Runs the checks of ``tunesmith doctor``, which changes nothing.

Each check has its own deadline. Checks that read files run on daemon threads, which are not joined at exit,
so that an unresponsive disk delays only its own line.
"""

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bot.checks import Check, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """A check to run: its name, how to run it, and how long it may take."""

    name: str
    within_s: float
    run: Callable[[], Awaitable[Sequence[Check]]]
    advice: str
    """Advice if the check misses its deadline."""


async def run_checks(check_specs: Sequence[CheckSpec]) -> AsyncIterator[Check]:
    """Run all checks concurrently; yield the results in the given order, each as soon as possible."""
    tasks = [asyncio.create_task(_run(spec)) for spec in check_specs]
    try:
        for task in tasks:
            for check in await task:
                yield check
    finally:
        for task in tasks:
            task.cancel()


async def _run(spec: CheckSpec) -> Sequence[Check]:
    try:
        async with asyncio.timeout(spec.within_s):
            return await spec.run()
    except TimeoutError:
        return [failure(spec.name, f"no answer within {spec.within_s:.0f} s; {spec.advice}")]
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others go on
        # Neither its text nor its values: they may contain a secret.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
        return [failure(spec.name, f"the check itself failed ({where}); please report it")]


async def on_a_thread(work: Callable[[], T]) -> T:
    """Run ``work`` on a thread and return its result. If cancelled, the thread stays behind until exit."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: Exception | None) -> None:
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
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            problem = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, result, problem)

    threading.Thread(target=run, daemon=True, name="doctor check").start()
    return await done


def ok(name: str, finding: str) -> Check:
    """Return a check that passed."""
    return Check(verdict=Verdict.OK, name=name, finding=finding)


def warning(name: str, finding: str) -> Check:
    """Return a finding that does not keep the bot from working."""
    return Check(verdict=Verdict.WARNING, name=name, finding=finding)


def failure(name: str, finding: str) -> Check:
    """Return a finding that the operator has to fix."""
    return Check(verdict=Verdict.FAILURE, name=name, finding=finding)
