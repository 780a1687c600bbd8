"""Budget alerts on their way to a server's channel: each is posted once, or not at all."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.database.sqlite import Database
from bot.errors import StoreBusy, Transient
from bot.pipeline.courier import AlreadyPosted, Courier, NoAccess
from bot.store import budget_alerts
from bot.store.budget_alerts import BudgetAlert

log = logging.getLogger(__name__)

AT_ONCE: Final = 10
SEND_WITHIN: Final = timedelta(seconds=60)
"""From the first send: in this time Discord takes its nonce once."""
AGAIN_S: Final = 5.0


class BudgetAlerts:
    """Sends what ``store.budget`` has written down."""

    def __init__(self, database: Database, courier: Courier, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._courier = courier
        self._now = now

    async def due(self) -> list[BudgetAlert]:
        """What is to be sent now."""
        now = self._now()
        return await self._database.read(lambda tx: budget_alerts.due(tx, now, AT_ONCE))

    async def send(self, alerts: list[BudgetAlert]) -> None:
        """Send each of them, one after the other."""
        for alert in alerts:
            try:
                await self._send(alert)
            except StoreBusy as error:
                log.info("budget alert %d: not now: %s", alert.id, error)

    async def _send(self, alert: BudgetAlert) -> None:
        now = self._now()
        started_at = alert.started_at or now
        if not timedelta() <= now - started_at < SEND_WITHIN:
            log.warning("budget alert %d: whether it was posted is unknown", alert.id)
            await self._put_off(alert, None)
            return
        alert = replace(alert, started_at=started_at)
        await self._put_off(alert, now + timedelta(seconds=AGAIN_S))
        try:
            await self._courier.post_alert(alert)
        except (NoAccess, AlreadyPosted) as error:
            log.warning("budget alert %d: not in its channel: %s", alert.id, error)
        except Transient as error:
            log.info("budget alert %d: not now: %s", alert.id, error)
            return
        await self._put_off(alert, None)

    async def _put_off(self, alert: BudgetAlert, due_at: datetime | None) -> None:
        await self._database.write(lambda tx: budget_alerts.put_off(tx, alert, due_at, alert.started_at))
