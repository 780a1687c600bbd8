"""Channels for songs: where they may be requested, where they are posted, and where they are announced."""

from typing import Final

from msgspec.structs import replace

from bot.database.engine import Tx
from bot.model import GuildId, Origin
from bot.refusals import WrongChannel
from bot.store.changes import SongChannels

CHANNELS_MAX: Final = 10
"""Maximum number of channels per server to which requests can be restricted."""


def read(tx: Tx, guild_id: GuildId) -> SongChannels:
    """Return the channels set by a server's managers."""
    rows = tx.execute(
        """SELECT channel_id, results_channel_id, announce_channel_id
           FROM guild LEFT JOIN song_channel ON song_channel.guild_id = guild.id
           WHERE guild.id = ? ORDER BY channel_id""",
        (guild_id,),
    ).fetchall()
    if not rows:
        return SongChannels()
    return SongChannels(
        asked=tuple(row["channel_id"] for row in rows if row["channel_id"] is not None),
        results=rows[0]["results_channel_id"],
        announced=rows[0]["announce_channel_id"],
    )


def write(tx: Tx, guild_id: GuildId, channels: SongChannels) -> None:
    """Store the channels of a known server."""
    tx.execute("DELETE FROM song_channel WHERE guild_id = ?", (guild_id,))
    for channel_id in channels.asked:
        tx.execute("INSERT INTO song_channel (guild_id, channel_id) VALUES (?, ?)", (guild_id, channel_id))
    tx.execute(
        "UPDATE guild SET results_channel_id = ?, announce_channel_id = ? WHERE id = ?",
        (channels.results, channels.announced, guild_id),
    )


def admitted(tx: Tx, origin: Origin) -> Origin:
    """Return the origin of a request with the channels for its song added.

    A song requested in a private thread stays there.

    Raises:
        WrongChannel: songs may not be requested in that channel.
    """
    channels = read(tx, origin.guild_id)
    if channels.asked and not {origin.channel_id, origin.thread_of} & set(channels.asked):
        raise WrongChannel(channels.asked)
    if origin.thread_of is not None and origin.parent_channel_id is None:
        return origin
    return replace(origin, results_channel_id=channels.results, announce_channel_id=channels.announced)
