"""Post budget alerts to a server's channel, each at most once."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from bot.database.engine import Database, Tx
from bot.errors import StoreBusy, Transient
from bot.pipeline.courier import AGAIN_S, SEND_WITHIN, AlreadyPosted, Courier, NoAccess
from bot.store import budget_alerts
from bot.store.budget_alerts import BudgetAlert

log = logging.getLogger(__name__)

ALERTS_BATCH_MAX: Final = 10
"""Maximum number of alerts that one batch sends, one after another."""


class BudgetAlerts:
    """Sends the alerts recorded by ``store.budget_alerts``."""

    def __init__(self, database: Database, courier: Courier, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._courier = courier
        self._now = now

    def due(self, tx: Tx) -> list[BudgetAlert]:
        """Return the alerts to send now."""
        return budget_alerts.due(tx, self._now(), ALERTS_BATCH_MAX)

    async def send(self, alerts: list[BudgetAlert]) -> None:
        """Send the alerts, one after another."""
        for alert in alerts:
            try:
                await self._send(alert)
            except StoreBusy as error:
                log.info("budget alert postponed", extra={"alert_id": alert.id, "error": str(error)})

    async def _send(self, alert: BudgetAlert) -> None:
        now = self._now()
        started_at = alert.started_at or now
        if not timedelta() <= now - started_at < SEND_WITHIN:
            log.warning("budget alert outcome unknown", extra={"alert_id": alert.id})
            await self._put_off(alert, None)
            return
        alert = replace(alert, started_at=started_at)
        await self._put_off(alert, now + timedelta(seconds=AGAIN_S))
        try:
            await self._courier.post_alert(alert)
        except (NoAccess, AlreadyPosted) as error:
            log.warning("budget alert not posted", extra={"alert_id": alert.id, "error": str(error)})
        except Transient as error:
            log.info("budget alert postponed", extra={"alert_id": alert.id, "error": str(error)})
            return
        await self._put_off(alert, None)

    async def _put_off(self, alert: BudgetAlert, due_at: datetime | None) -> None:
        await self._database.write(lambda tx: budget_alerts.put_off(tx, alert, due_at, alert.started_at))
