"""Credits that members have spent in a server's week or month, as the schema's triggers add them up."""

from bot.balance import Balance, Period
from bot.database.engine import Tx
from bot.model import GuildId
from bot.store import reports
from bot.store.reports import MemberUse


def top_of_period(tx: Tx, guild_id: GuildId, balance: Balance, limit: int) -> list[MemberUse]:
    """Return the members who have spent most in the current period of ``balance``, highest first."""
    first, _ = balance.days
    if balance.period is Period.DAY:
        return reports.top_members(tx, guild_id, first, limit)
    rows = tx.execute(
        """SELECT member.discord_id, top.credits,
                  (SELECT asked_by FROM job JOIN words ON words.job_id = job.id
                   WHERE job.guild_id = :guild AND job.member_id = top.id
                   ORDER BY job.created_at DESC LIMIT 1) AS name
           FROM (SELECT member_id AS id, credits FROM spent_total
                 WHERE guild_id = :guild AND period = CAST(:period AS TEXT) AND first_day = :first
                   AND credits > 0
                 ORDER BY credits DESC, id LIMIT :limit) AS top
           JOIN member ON member.id = top.id
           ORDER BY top.credits DESC, top.id""",
        {"guild": guild_id, "period": balance.period.value, "first": first, "limit": limit},
    )
    return [
        MemberUse(member_id=row["discord_id"], credits=row["credits"], name=row["name"] or "") for row in rows
    ]
