"""Reconciliation: counters = ledger = jobs. It only reads; it repairs nothing."""

from msgspec import Struct

from bot.database.engine import Tx

FINDINGS_MAX = 20
"""Maximum number of listed differences."""

_COUNTERS = ("allowance_held", "allowance_used", "bonus_held", "bonus_used")
_BOOKED = """
  SELECT guild_id, member_id, day,
         SUM(CASE kind WHEN 'hold' THEN allowance WHEN 'refund' THEN 0 ELSE -allowance END) AS allowance_held,
         SUM(CASE kind WHEN 'settle' THEN allowance WHEN 'refund' THEN -allowance ELSE 0 END)
           AS allowance_used,
         SUM(CASE kind WHEN 'hold' THEN bonus WHEN 'refund' THEN 0 ELSE -bonus END) AS bonus_held,
         SUM(CASE kind WHEN 'settle' THEN bonus WHEN 'refund' THEN -bonus ELSE 0 END) AS bonus_used
  FROM ledger WHERE kind IN ('hold', 'settle', 'release', 'refund')"""
_DIFFER = " OR ".join(f"SUM({name}) <> 0" for name in _COUNTERS)
_COUNTED = f"""
  SELECT guild_id, member_id, day, {", ".join(f"-{name} AS {name}" for name in _COUNTERS)} FROM usage"""
# Each query returns rows that must not exist; the sentence describes one of them.
_QUESTIONS = {
    f"""SELECT guild_id AS guild, member_id AS member, day FROM (
          {_BOOKED} GROUP BY guild_id, member_id, day
          UNION ALL {_BOOKED.replace("member_id,", "0 AS member_id,", 1)} GROUP BY guild_id, day
          UNION ALL {_COUNTED}) AS difference
        GROUP BY guild, member, day HAVING {_DIFFER}""": (
        "server {guild}, member {member}, day {day}: the counters differ from the ledger"
    ),
    """SELECT guild, counted, booked FROM (
         SELECT guild.id AS guild, guild.bonus AS counted, COALESCE(SUM(CASE kind
                WHEN 'grant' THEN ledger.bonus WHEN 'hold' THEN -ledger.bonus WHEN 'release' THEN ledger.bonus
                WHEN 'refund' THEN ledger.bonus
                ELSE 0 END), 0) AS booked
         FROM guild LEFT JOIN ledger ON ledger.guild_id = guild.id GROUP BY guild.id) AS bonus
       WHERE counted <> booked""": (
        "server {guild}: the counted bonus is {counted}, but the ledger says {booked}"
    ),
    """SELECT job.id AS job FROM job LEFT JOIN ledger ON ledger.job_id = job.id AND kind = 'hold'
       WHERE ledger.id IS NULL OR ledger.guild_id <> job.guild_id OR ledger.member_id <> job.member_id
          OR ledger.day <> job.day OR ledger.allowance <> job.allowance_part
          OR ledger.bonus <> job.bonus_part""": "job {job}: the ledger's hold differs from the job's price",
    """SELECT closing.job_id AS job FROM ledger AS closing
       LEFT JOIN ledger AS opening ON opening.job_id = closing.job_id AND opening.kind = 'hold'
       WHERE closing.kind IN ('settle', 'release', 'refund')
         AND (opening.id IS NULL OR opening.guild_id <> closing.guild_id OR opening.day <> closing.day
              OR opening.member_id <> closing.member_id OR opening.allowance <> closing.allowance
              OR opening.bonus <> closing.bonus)""": (
        "job {job}: the ledger has closed a different amount than it has held"
    ),
    """SELECT job.id AS job, job.state AS state, COALESCE(kind, 'nothing') AS closing
       FROM job LEFT JOIN ledger ON ledger.job_id = job.id AND kind IN ('settle', 'release')
       WHERE COALESCE(kind, 'nothing') <> CASE
         WHEN state IN ('queued', 'submitting', 'running', 'ready') THEN 'nothing'
         WHEN state IN ('failed', 'explained') THEN 'release' ELSE 'settle' END""": (
        "job {job} is {state}, but the ledger says {closing}"
    ),
    """SELECT refund.job_id AS job FROM ledger AS refund
       LEFT JOIN ledger AS settled ON settled.job_id = refund.job_id AND settled.kind = 'settle'
       WHERE refund.kind = 'refund' AND settled.id IS NULL""": (
        "job {job}: the ledger has refunded credits that were never spent"
    ),
    """SELECT day, SUM(counted) AS counted, SUM(booked) AS booked FROM (
         SELECT day, credits AS counted, 0 AS booked FROM day_total
         UNION ALL
         SELECT held.at / 86400000, 0,
                CASE entry.kind WHEN 'hold' THEN entry.allowance + entry.bonus
                                ELSE -(entry.allowance + entry.bonus) END
         FROM ledger AS entry JOIN ledger AS held ON held.job_id = entry.job_id AND held.kind = 'hold'
         WHERE entry.kind IN ('hold', 'release')) AS spent
       GROUP BY day HAVING SUM(counted) <> SUM(booked)""": (
        "day {day}: the counted credits of all servers are {counted}, but the ledger says {booked}"
    ),
    """SELECT name, SUM(songs) AS songs, SUM(credits) AS credits FROM (
         SELECT name, songs, credits FROM song_total
         UNION ALL
         SELECT state || COALESCE(':' || reason, ''), -COUNT(*), -SUM(price) FROM job GROUP BY state, reason
         UNION ALL
         SELECT 'parked', -COUNT(*), -COALESCE(SUM(price), 0) FROM job WHERE parked IS NOT NULL
         UNION ALL
         SELECT 'refunded', -COUNT(*), -COALESCE(SUM(allowance + bonus), 0)
         FROM ledger WHERE kind = 'refund' AND job_id IS NOT NULL) AS counted
       GROUP BY name HAVING SUM(songs) <> 0 OR SUM(credits) <> 0""": (
        "songs of {name}: the totals are off by {songs} songs and {credits} credits"
    ),
    """SELECT job FROM (
         SELECT job_id AS job, likes, dislikes, unlisted FROM song_tally
         UNION ALL
         SELECT job_id, -SUM(liked), -SUM(1 - liked), -SUM(1 - listed) FROM rating GROUP BY job_id) AS counted
       GROUP BY job HAVING SUM(likes) <> 0 OR SUM(dislikes) <> 0 OR SUM(unlisted) <> 0""": (
        "job {job}: the counted ratings differ from the members' ratings"
    ),
    # The weeks one by one; the months together, since each engine has its own function for their beginnings.
    """SELECT guild, member, what, SUM(counted) AS counted, SUM(used) AS used FROM (
         SELECT guild_id AS guild, member_id AS member, credits AS counted, 0 AS used,
                CASE period WHEN 'week' THEN 'week from day ' || first_day ELSE 'all months' END AS what
         FROM spent_total
         UNION ALL
         SELECT guild_id, member_id, 0, allowance_used + bonus_used, 'week from day ' || (day - (day + 3) % 7)
         FROM usage WHERE member_id > 0
         UNION ALL
         SELECT guild_id, member_id, 0, allowance_used + bonus_used, 'all months'
         FROM usage WHERE member_id > 0) AS spent
       GROUP BY guild, member, what HAVING SUM(counted) <> SUM(used)""": (
        "server {guild}, member {member}, {what}: {counted} credits are counted as spent, but {used} used"
    ),
    """SELECT ledger.job_id AS job FROM ledger LEFT JOIN job ON job.id = ledger.job_id
       WHERE ledger.job_id IS NOT NULL AND job.id IS NULL""": "job {job} is only in the ledger",
}


class Reconciliation(Struct, frozen=True, kw_only=True):
    """Compared totals, and each difference as a sentence."""

    entries: int
    jobs: int
    guilds: int
    held: int
    """Credits held, over all servers."""
    settled: int
    released: int
    findings: tuple[str, ...]


def reconcile(tx: Tx) -> Reconciliation:
    """Recompute the counters from the ledger and compare them with the stored ones and the jobs."""
    findings: list[str] = []
    for question, sentence in _QUESTIONS.items():
        rows = tx.execute(question).fetchmany(FINDINGS_MAX - len(findings))
        findings += [sentence.format(**row) for row in rows]
    sums = dict(tx.execute("SELECT kind, SUM(allowance + bonus) FROM ledger GROUP BY kind").fetchall())
    settled, released = sums.get("settle", 0), sums.get("release", 0)
    count = tx.execute(
        """SELECT (SELECT COUNT(*) FROM ledger) AS entries, (SELECT COUNT(*) FROM job) AS jobs,
                  (SELECT COUNT(*) FROM guild) AS guilds"""
    ).fetchone()
    return Reconciliation(
        entries=count["entries"],
        jobs=count["jobs"],
        guilds=count["guilds"],
        held=sums.get("hold", 0) - settled - released,
        settled=settled,
        released=released,
        findings=tuple(findings),
    )
