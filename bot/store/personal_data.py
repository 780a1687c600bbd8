"""Everything the database stores about one member, as a summary or an export.

Nothing about other people is included: their texts remain theirs, even if the member made a song with them.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from bot.database.engine import Row, Rows, Tx
from bot.model import DiscordUserId, GuildId, MemberNumber
from bot.store import job_events, members, texts
from bot.store.jobs import NOT_ERASED
from bot.store.members import NOBODY
from bot.store.times import EPOCH, moment

COUNTED_MAX = 200
"""Maximum count per kind of record in a summary, which bounds the time it takes."""
FILES_OF_MAX = 100
"""Number of a member's newest songs whose files are looked up."""
_OF_OTHERS = "words of another member"
_DROPPED = "no longer kept"


class Summary(Struct, frozen=True, kw_only=True):
    """How much is stored about a member, by kind; each count stops at ``COUNTED_MAX``."""

    since: datetime | None
    """When the oldest stored song was requested."""
    songs: int
    """Songs, with their message ids, times and prices."""
    songs_with_texts: int
    servers: int
    drafts: int
    ratings: int
    ledger_entries: int
    """Entries about the member or by them. They stay after a deletion, anonymously."""
    more: bool
    """Whether more of a kind may exist than were counted."""
    limits: dict[GuildId, int]
    """Limits set by managers, by server. A deletion does not lift them."""
    locale: str
    """The member's language as a Discord locale code, or empty."""
    leaving_since: datetime | None
    """Since when a deletion has been waiting for unfinished songs."""
    deleted_before: bool
    """Whether a keyed hash of their id is stored, because a limit or earlier usage must still count."""


def summary(tx: Tx, discord_id: DiscordUserId) -> Summary:
    """Count the records stored about this person."""
    member, counted = members.known_member(tx, discord_id), _counted(tx, discord_id)
    row = tx.execute(
        f"""SELECT COUNT(*) AS songs, COUNT(song.job_id) AS has_texts, COUNT(DISTINCT guild_id) AS servers
            FROM (SELECT id, guild_id FROM job WHERE member_id = :member AND {NOT_ERASED}
                  ORDER BY created_at DESC LIMIT :most) AS newest
            LEFT JOIN song ON song.job_id = newest.id""",
        {"member": member, "most": COUNTED_MAX},
    ).fetchone()
    first = tx.execute(
        f"SELECT created_at FROM job WHERE member_id = ? AND {NOT_ERASED} ORDER BY created_at LIMIT 1",
        (member,),
    ).fetchone()
    account = tx.execute("SELECT locale, leaving_since FROM member WHERE id = ?", (member,)).fetchone()
    leaving_ms = None if account is None else account["leaving_since"]
    counts = {
        "songs": int(row["songs"]),
        "drafts": _count(tx, "SELECT id FROM draft WHERE member_id = :member", member),
        "ratings": _count(tx, "SELECT job_id FROM rating WHERE member_id = :member", member),
        "ledger_entries": _count(
            tx,
            """SELECT id FROM (SELECT id FROM ledger WHERE member_id = :member LIMIT :most) AS about_them
               UNION SELECT id FROM (SELECT id FROM ledger WHERE actor_id = :member LIMIT :most) AS made""",
            member,
        ),
    }
    return Summary(
        since=None if first is None else moment(first["created_at"]),
        songs_with_texts=row["has_texts"],
        servers=row["servers"],
        **counts,
        more=max(counts.values()) >= COUNTED_MAX,
        limits={row["guild_id"]: row["credits"] for row in _limits(tx, counted)},
        locale="" if account is None else account["locale"],
        leaving_since=None if leaving_ms is None else moment(leaving_ms),
        deleted_before=len(set(counted) - {member}) > 0,
    )


def _count(tx: Tx, rows: str, member: MemberNumber) -> int:
    """Return the number of rows, up to ``COUNTED_MAX``."""
    (count,) = tx.execute(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM ({rows}) AS found LIMIT :most) AS counted",
        {"member": member, "most": COUNTED_MAX},
    ).fetchone()
    return int(count)


def files(tx: Tx, discord_id: DiscordUserId) -> list[str]:
    """Return the file names of this person's newest songs; most files no longer exist."""
    rows = tx.execute(
        """SELECT track.file FROM (SELECT id FROM job WHERE member_id = :member
                                   ORDER BY created_at DESC LIMIT :most) AS newest
           JOIN track ON track.job_id = newest.id""",
        {"member": members.known_member(tx, discord_id), "most": FILES_OF_MAX},
    )
    return [row["file"] for row in rows]


def about(tx: Tx, discord_id: DiscordUserId) -> dict[str, object]:
    """Return the single values stored about this person, with readable names. Times are UTC."""
    member, counted = members.known_member(tx, discord_id), _counted(tx, discord_id)
    account = tx.execute("SELECT locale, leaving_since FROM member WHERE id = ?", (member,)).fetchone()
    return {
        "member": discord_id,
        "language": account["locale"] or None if account is not None else None,
        "deletion_asked_for_at": _time(None if account is None else account["leaving_since"]),
        "hash_kept_after_an_earlier_deletion": len(set(counted) - {member}) > 0,
    }


def sections(tx: Tx, discord_id: DiscordUserId) -> dict[str, Iterable[object]]:
    """Return everything else stored about this person, row by row.

    Read each section to its end before beginning the next.
    """
    member, counted = members.known_member(tx, discord_id), _counted(tx, discord_id)
    return {
        "songs": (_song(tx, row, member) for row in _songs(tx, member)),
        "texts_that_only_songs_of_others_are_made_of": (row["value"] for row in _texts_elsewhere(tx, member)),
        "drafts": (_draft(tx, row, member) for row in _of(tx, "draft", "member_id", member)),
        "ratings": (
            {
                "song": row["job_id"],
                "server": row["guild_id"],
                "liked": bool(row["liked"]),
                "rated_at": _time(row["rated_at"]),
            }
            for row in _of(tx, "rating", "member_id", member, order="rated_at, job_id")
        ),
        "requests_for_lyrics": (
            {
                "command": row["interaction_id"],
                "asked_for_at": _time(row["asked_at"]),
                "music_service": row["backend"],
                "state": row["state"],
                "what_they_are_to_be_about": row["about"],
                "task_of_the_music_service": row["task_id"],
                "cost_in_credits_of_the_music_service": row["upstream_credits"],
            }
            for row in _of(tx, "lyrics_call", "member_id", member, order="asked_at, id")
        ),
        "credits_used_by_day": (
            {
                "server": row["guild_id"],
                "day": _day(row["day"]),
                "of_the_allowance": row["allowance_used"],
                "of_the_allowance_held": row["allowance_held"],
                "of_the_bonus": row["bonus_used"],
                "of_the_bonus_held": row["bonus_held"],
            }
            for number in counted
            for row in _of(tx, "usage", "member_id", number, order="guild_id, day")
        ),
        "limits": (
            {"server": row["guild_id"], "credits_in_a_period": row["credits"]} for row in _limits(tx, counted)
        ),
        "ledger": (_entry(row, member) for row in _entries(tx, member)),
    }


def _counted(tx: Tx, discord_id: DiscordUserId) -> tuple[MemberNumber, ...]:
    """Return the numbers whose usage and limits count for this person."""
    number = members.past_or_present(tx, discord_id)
    return () if number == NOBODY else members.numbers(tx, number)


def _limits(tx: Tx, counted: Collection[MemberNumber]) -> list[Row]:
    return [
        row for number in counted for row in _of(tx, "member_limit", "member_id", number, order="guild_id")
    ]


def _of(tx: Tx, table: str, column: str, member: MemberNumber, *, order: str = "id") -> Rows:
    return tx.execute(f"SELECT * FROM {table} WHERE {column} = ? ORDER BY {order}", (member,))


def _texts_elsewhere(tx: Tx, member: MemberNumber) -> Rows:
    """Return the member's texts that are not used by any of their own songs."""
    used = " UNION ALL ".join(
        f"SELECT {name}_id FROM job JOIN song ON song.job_id = job.id "
        f"WHERE job.member_id = :member AND {name}_id IS NOT NULL"
        for name in texts.TEXTS
    )
    return tx.execute(
        f"SELECT value FROM text WHERE author_id = :member AND id NOT IN ({used}) ORDER BY id",
        {"member": member},
    )


def _songs(tx: Tx, member: MemberNumber) -> Rows:
    columns = ", ".join(f"song.{name}_id" for name in texts.TEXTS)
    return tx.execute(
        f"""SELECT job.*, song.job_id AS has_texts, song.model, song.custom, song.instrumental, song.voice,
                   song.duration_s, song.asked_by, {columns}
            FROM job LEFT JOIN song ON song.job_id = job.id WHERE job.member_id = ?
            ORDER BY job.created_at, job.id""",
        (member,),
    )


def _song(tx: Tx, row: Row, member: MemberNumber) -> dict[str, object]:
    tracks = _of(tx, "track", "job_id", row["id"], order="take")
    return {
        "song": row["id"],
        "server": row["guild_id"],
        "channel": row["channel_id"] or None,
        "command": row["interaction_id"] if row["interaction_id"] > 0 else None,
        "asked_for_at": _time(row["created_at"]),
        "state": row["state"],
        "in_that_state_since": _time(row["state_since"]),
        "why_nothing_is_done_by_itself": row["parked"],
        "price_in_credits": row["price"],
        "of_the_allowance": row["allowance_part"],
        "of_the_bonus": row["bonus_part"],
        "counted_on": _day(row["day"]),
        "limit_in_credits_at_that_time": row["limit_credits"],
        "another_try_of_song": row["retry_of"],
        "the_same_again_as_song": row["again_of"],
        "words": None if row["has_texts"] is None else _words(tx, row, member),
        "your_name_then": row["asked_by"],
        "sent_to_the_music_service_at": _time(row["submitted_at"]),
        "task_of_the_music_service": row["task_id"],
        "addresses_at_the_music_service": row["urls"],
        "what_the_music_service_said_of_the_takes": row["takes"],
        "why_it_failed": row["reason"],
        "what_the_music_service_said": row["detail"] or None,
        "files": [
            {
                "take": track["take"],
                "file": track["file"],
                "size_in_bytes": track["size_bytes"],
                "sha256": track["sha256"],
                "address": track["url"] or None,
            }
            for track in tracks
        ],
        "what_happened": [
            {
                "at": event.at.isoformat(),
                "what": event.kind,
                "state": event.state,
                "note": event.note,
                "repeated": event.repeats,
                "last_at": event.last_at.isoformat(),
            }
            for event in job_events.events(tx, row["id"])
        ],
        "card_message": row["card_message_id"],
        "result_message": row["message_id"],
        "posted_in_channel": row["delivery_channel_id"],
        "posted_as_a_direct_message": None
        if row["delivery_direct"] is None
        else bool(row["delivery_direct"]),
        "posting_began_at": _time(row["delivery_started_at"]),
    }


def _words(tx: Tx, row: Row, member: MemberNumber) -> dict[str, object]:
    words = {name: row[f"{name}_id"] for name in texts.TEXTS}
    fields = {
        name: tx.execute("SELECT author_id, value FROM text WHERE id = ?", (text_id,)).fetchone()
        for name, text_id in words.items()
        if text_id is not None
    }
    return {
        "model": row["model"],
        "own_title_style_and_lyrics": bool(row["custom"]),
        "instrumental": bool(row["instrumental"]),
        "voice": row["voice"],
        "length_in_seconds": row["duration_s"],
        **{name: text["value"] for name, text in fields.items() if text and text["author_id"] == member},
        "not_included": {
            name: _DROPPED if text is None else _OF_OTHERS
            for name, text in fields.items()
            if text is None or text["author_id"] != member
        },
    }


def _draft(tx: Tx, row: Row, member: MemberNumber) -> dict[str, object]:
    """Return a draft without the texts taken unchanged from somebody else's song."""
    source = tx.execute("SELECT * FROM song WHERE job_id = ?", (row["remix_of"],)).fetchone()
    of_others = set()
    for name in texts.TEXTS if source is not None else ():
        text = tx.execute(
            "SELECT author_id, value FROM text WHERE id = ?", (source[f"{name}_id"],)
        ).fetchone()
        if text is not None and text["author_id"] != member and text["value"] == row[name]:
            of_others.add(name)
    return {
        "draft": row["id"],
        "kept_since": _time(row["created_at"]),
        "change_of_song": row["remix_of"],
        "model": row["model"],
        "own_title_style_and_lyrics": bool(row["custom"]),
        "instrumental": bool(row["instrumental"]),
        "voice": row["voice"],
        "length_in_seconds": row["duration_s"],
        **{name: row[name] for name in texts.TEXTS if row[name] and name not in of_others},
        "not_included": dict.fromkeys(sorted(of_others), _OF_OTHERS),
    }


def _entries(tx: Tx, member: MemberNumber) -> Rows:
    return tx.execute(
        "SELECT * FROM ledger WHERE member_id = :member OR actor_id = :member ORDER BY id", {"member": member}
    )


def _entry(row: Row, member: MemberNumber) -> dict[str, object]:
    mine = row["actor_id"] == member
    return {
        "entry": row["id"],
        "at": _time(row["at"]),
        "kind": row["kind"],
        "server": row["guild_id"],
        "day": _day(row["day"]),
        "of_the_allowance": row["allowance"],
        "of_the_bonus": row["bonus"],
        "song": row["job_id"],
        "about_you": row["member_id"] == member,
        "by": "you" if mine else "the bot" if row["actor_id"] is None else "a manager",
        "role": row["role_id"],
        "command": row["interaction_id"] if mine else None,
        "reason": row["reason"] or None,
        "before": row["before"],
        "after": row["after"],
    }


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else moment(epoch_ms).isoformat()


def _day(number: int) -> str:
    return (EPOCH + timedelta(days=number)).isoformat()
