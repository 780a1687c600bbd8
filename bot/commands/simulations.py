"""``tunesmith demo``, ``playground`` and ``sandbox``: the bot without an account anywhere."""

import errno
import os
from collections.abc import Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.commands.common import exit_with
from bot.errors import StartRefused
from bot.lazy import lazy
from bot.model import Backend

if TYPE_CHECKING:
    import asyncio

    from bot.ops import logs
else:
    asyncio, logs = lazy("asyncio"), lazy("bot.ops.logs")

EXTRAS = {"demo": ("lameenc", "numpy", "simcord"), "playground": ("av", "lameenc", "numpy", "simcord")}
"""Modules of each extra, without which some commands can't run."""

ContractOption = Annotated[
    Backend, typer.Option("--contract", help="The music service whose API the sandbox speaks.")
]


def demo(
    folder: Annotated[Path, typer.Option(help="Where to save the songs.")] = Path("tunesmith-demo"),
    contract: ContractOption = Backend.SSEEDANCE,
) -> None:
    """Play a whole evening in the terminal. Discord is simulated; no token or key is needed."""
    _require_extra("demo", "demo")
    from bot.playground.demo import play  # noqa: PLC0415 - an extra

    logs.configure("ERROR")
    if not _finish(play(folder, typer.echo, contract)):
        raise typer.Exit(1)


def playground(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of the web page; 0 picks a free one.")
    ] = 0,
    contract: ContractOption = Backend.SSEEDANCE,
    language: Annotated[
        Literal["en", "de", "ja"], typer.Option(help="The language of its members and its server.")
    ] = "en",
) -> None:
    """Try the bot in the browser. Discord is simulated; no token or key is needed. Ctrl-C ends it."""
    _require_extra("playground", "playground")
    from bot.playground.browser import serve  # noqa: PLC0415 - an extra

    logs.configure("WARNING")
    _finish(serve(port or None, typer.echo, contract, language=language), port)


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")] = 8090,
    key: Annotated[str, typer.Option(help="The key to require; without it any key is accepted.")] = "",
    delay_s: Annotated[float, typer.Option(min=0, max=3600, help="Seconds until a song is finished.")] = 6.0,
    contract: ContractOption = Backend.SSEEDANCE,
) -> None:
    """Serve a local music API with real audio. It follows a documented one."""
    _require_extra("demo", "sandbox")
    from bot.sandbox import contracts, server  # noqa: PLC0415 - an extra

    logs.configure("INFO")

    async def serve() -> bool:
        service = contracts.SANDBOXES[contract](key, delay_s)
        async with server.running(service, port=port) as url:
            typer.echo(f"The sandbox is running: set {service.url_setting}={url}. Press Ctrl-C to stop it.")
            await asyncio.Event().wait()
        return True

    _finish(serve(), port)


def _require_extra(extra: str, command: str) -> None:
    """Refuse a command whose packages are missing, and say how to install them."""
    if any(find_spec(module) is None for module in EXTRAS[extra]):
        exit_with(
            f"`tunesmith {command}` needs the extra `{extra}`: install tunesmith[{extra}] with pip, pipx or "
            f"uv tool, or add `--extra {extra}` to `uv sync` or `uv run` in a clone."
        )


def _finish(work: Coroutine[Any, Any, bool], port: int = 0) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return True
    except (StartRefused, OSError) as error:
        if port and isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            reason = os.strerror(error.errno).lower()
            exit_with(f"Can't listen on port {port} ({reason}); choose another with --port.")
        exit_with(str(error))
