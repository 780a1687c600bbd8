"""``tunesmith probe``: check that the music service answers as expected."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import errors_as_sentences, exit_with
from bot.lazy import lazy

if TYPE_CHECKING:
    import asyncio

    import httpx

    from bot import settings
    from bot.music import backends
    from bot.music import client as music_client
    from bot.music import proxy as music_proxy
    from bot.ops import contract_probe
else:
    asyncio, httpx, settings = lazy("asyncio"), lazy("httpx"), lazy("bot.settings")
    backends, music_client, music_proxy = (
        lazy(f"bot.music.{name}") for name in ("backends", "client", "proxy")
    )
    contract_probe = lazy("bot.ops.contract_probe")

PROBE_UNEXPECTED = 3
"""Exit status of `tunesmith probe` after an unexpected answer."""


def probe(
    pay: Annotated[
        bool, typer.Option("--pay", help="Also buy one song, after asking for confirmation.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Buy the song without asking.")] = False,
    save: Annotated[
        Path, typer.Option(help="Where to save the answers, without the key, ids and texts.")
    ] = Path("tunesmith-probe.json"),
) -> None:
    """Check the music service's answers for free. Exits 3 if one is unexpected."""
    if pay and not yes and not sys.stdin.isatty():
        exit_with("--pay asks for confirmation, which needs a terminal; or add --yes. Nothing was sent.")
    with errors_as_sentences():
        loaded = settings.load()
        passed, answers = asyncio.run(_probe(loaded, pay=pay, yes=yes))
        save.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
        typer.echo(f"The answers are saved in {save}, without the key, ids and texts.")
        if not passed:
            raise typer.Exit(PROBE_UNEXPECTED)


async def _probe(loaded: "settings.Settings", *, pay: bool, yes: bool) -> tuple[bool, dict[str, object]]:
    """Print the findings. Return whether all were as expected, and the document to save."""
    backend = loaded.music_backend
    recorder = contract_probe.Recorder(music_proxy.direct_or_through(loaded.proxy_to_music, httpx.Limits()))
    async with music_client.MusicClient.open(
        url=loaded.music_url(backend),
        key=loaded.music_keys[backend].get_secret_value(),
        contract=backends.contract(backend, provider=loaded.music_provider, options=loaded.music_options),
        now=lambda: datetime.now(UTC),
        transport=recorder,
    ) as client:
        findings = await contract_probe.check_for_free(client, recorder)
        _show_findings(findings)
        passed = all(finding.understood for finding in findings)
        price = backends.OFFERS[backend].song_price
        if pay and not passed:
            typer.echo("No song was bought, because a free check failed.")
        elif pay and (yes or typer.confirm(f"Buy one song at {backend} for {price}?")):
            paid = await contract_probe.buy_song(client, recorder)
            _show_findings(paid)
            passed = all(finding.understood for finding in paid)
        answers = contract_probe.document(
            client.contract, client.origin, recorder.answers, secrets=loaded.secrets
        )
    return passed, answers


def _show_findings(findings: "list[contract_probe.Finding]") -> None:
    for finding in findings:
        verdict = "ok" if finding.understood else "unexpected"
        typer.echo(f"{verdict:<10} {finding.step}: expected {finding.expected}; got {finding.came}")
