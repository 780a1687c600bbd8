"""Alerts reach the operator's webhook, and never twice in an hour."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.ui import operator_alerts
from bot.ui.operator_alerts import OperatorAlerts


class Hook:
    """A local webhook."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        self.statuses: list[int] = []
        self.taken = asyncio.Event()
        self.url = ""

    async def post(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            self.bodies.append(await request.json())
            self.taken.set()
        return web.Response(status=status)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/api/webhooks/1/secret", hook.post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/webhooks/1/secret"
    yield hook
    await runner.cleanup()


async def test_an_alert_is_sent_once_an_hour_and_pings_nobody(hook: Hook) -> None:
    told = OperatorAlerts(hook.url)
    sending = asyncio.create_task(told.run())

    told.alert("The account is empty @everyone")
    told.alert("The account is empty @everyone")
    async with asyncio.timeout(5):
        await hook.taken.wait()
    sending.cancel()

    assert [
        {"content": "⚠️ Tunesmith: The account is empty @everyone", "allowed_mentions": {"parse": []}}
    ] == hook.bodies


async def test_a_failing_webhook_is_retried_and_its_address_is_not_logged(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(operator_alerts, "TRY_AGAIN_S", 0.0)
    hook.statuses = [500, 429]
    told = OperatorAlerts(hook.url)
    sending = asyncio.create_task(told.run())

    told.alert("The ledger does not add up")
    async with asyncio.timeout(5):
        await hook.taken.wait()
    sending.cancel()

    assert 1 == len(hook.bodies)
    refusals = [record for record in caplog.records if record.getMessage() == "operator alert not sent"]
    assert ["HTTP 500", "HTTP 429"] == [vars(record)["problem"] for record in refusals]
    assert "secret" not in "".join(str(vars(record)) for record in refusals)


async def test_without_a_webhook_an_alert_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    OperatorAlerts(None).alert("The disk is full")

    assert [("operator alert", "The disk is full")] == [
        (record.getMessage(), vars(record)["alert"]) for record in caplog.records
    ]
