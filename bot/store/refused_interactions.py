"""Remember which interactions were refused. Each function is one part of a transaction.

Discord may deliver an interaction again. A member who has read a refusal must not later find a song that
they have to pay for, so a refused interaction stays refused.
"""

from datetime import datetime, timedelta

from bot.database.engine import Tx
from bot.model import InteractionId
from bot.store.times import milliseconds

KEEP = timedelta(hours=1)
"""How long a refusal is kept; Discord's interactions are valid for 15 minutes."""
SWEEP_MAX = 1_000
"""Maximum number of rows dropped by one transaction."""


def remember(tx: Tx, interaction_id: InteractionId, now: datetime) -> None:
    """Record that the interaction was refused."""
    tx.execute(
        "INSERT INTO refused_interaction (interaction_id, refused_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (interaction_id, milliseconds(now)),
    )


def is_refused(tx: Tx, interaction_id: InteractionId) -> bool:
    """Return whether the interaction has been refused."""
    row = tx.execute("SELECT 1 FROM refused_interaction WHERE interaction_id = ?", (interaction_id,))
    return row.fetchone() is not None


def sweep(tx: Tx, now: datetime) -> int:
    """Drop old rows. Returns how many; ``SWEEP_MAX`` means there may be more."""
    return tx.execute(
        """DELETE FROM refused_interaction WHERE interaction_id IN (
             SELECT interaction_id FROM refused_interaction
             WHERE refused_at < ? OR refused_at > ? LIMIT ?)""",
        # A time in the future means that the clock was set back.
        (milliseconds(now - KEEP), milliseconds(now + KEEP), SWEEP_MAX),
    ).rowcount
