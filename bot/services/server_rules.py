"""A server's rules: refused words, channels for requests and songs, and roles that manage the bot."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from bot.balance import ChangedBy
from bot.characters import storable
from bot.database.engine import Database, Tx
from bot.model import GuildId, RoleId, everyone_of
from bot.refusals import (
    EverybodyManages,
    NoSuchChannel,
    NoSuchRole,
    TooManyChannels,
    TooManyRoles,
    WordUnusable,
)
from bot.store import ledger, ledger_entries, manager_roles, refused_words, song_channels
from bot.store.changes import ManagerRoles, SongChannels
from bot.store.locking import lock_guild
from bot.store.manager_roles import MANAGER_ROLES_MAX
from bot.store.song_channels import CHANNELS_MAX


class ServerRules:
    """Reads and changes the settings of a server's managers other than its credits."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def words(self, guild_id: GuildId) -> list[str]:
        """Return the words that the server refuses in songs."""
        return await self._database.read(lambda tx: refused_words.words(tx, guild_id))

    async def refuse_word(self, guild_id: GuildId, typed: str) -> str:
        """Refuse a word in songs from now on. Returns it in the form used for comparison.

        Raises:
            WordUnusable: it has nothing to compare, it is too long, or there are too many.
        """
        word = refused_words.folded(storable(typed))
        if not word:
            raise WordUnusable("empty")
        if len(word) > refused_words.REFUSED_WORD_MAX:
            raise WordUnusable("too_long", refused_words.REFUSED_WORD_MAX)

        def refuse(tx: Tx) -> None:
            words = refused_words.words(tx, guild_id)
            if word not in words and len(words) >= refused_words.WORDS_MAX:
                raise WordUnusable("too_many", refused_words.WORDS_MAX)
            ledger.know_guild(tx, guild_id)
            refused_words.add(tx, guild_id, word)

        await self._database.write(refuse)
        return word

    async def take_word(self, guild_id: GuildId, typed: str) -> str:
        """Allow a refused word in songs again.

        Returns it in the form used for comparison.

        Raises:
            WordUnusable: it is not refused.
        """
        word = refused_words.folded(storable(typed))
        if not await self._database.write(lambda tx: refused_words.remove(tx, guild_id, word)):
            raise WordUnusable("unknown")
        return word

    async def channels(self, guild_id: GuildId) -> SongChannels:
        """Return the server's channels for songs."""
        return await self._database.read(lambda tx: song_channels.read(tx, guild_id))

    async def set_channels(
        self, guild_id: GuildId, change: Callable[[SongChannels], SongChannels], changed_by: ChangedBy
    ) -> tuple[SongChannels, SongChannels] | None:
        """Change the channels for songs.

        Returns them before and after; None if the interaction was repeated.

        Raises:
            TooManyChannels: songs could be requested in more channels than ``CHANNELS_MAX``.
            NoSuchChannel: raised by ``change`` for a channel that is not set.
        """
        now = self._now()

        def set_channels(tx: Tx) -> tuple[SongChannels, SongChannels] | None:
            lock_guild(tx, guild_id)
            if ledger_entries.changed(tx, changed_by):
                return None
            before = song_channels.read(tx, guild_id)
            after = change(before)
            after = replace(after, asked=tuple(sorted(set(after.asked))))
            if len(after.asked) > CHANNELS_MAX:
                raise TooManyChannels(CHANNELS_MAX)
            ledger.know_guild(tx, guild_id)
            song_channels.write(tx, guild_id, after)
            ledger_entries.note(tx, "set", guild_id, changed_by, now, before=before, after=after)
            return before, after

        return await self._database.write(set_channels)

    async def manager_roles(self, guild_id: GuildId) -> tuple[RoleId, ...]:
        """Return the roles whose members may manage the bot in the server."""
        return await self._database.read(lambda tx: manager_roles.roles(tx, guild_id))

    async def set_manager_roles(
        self, guild_id: GuildId, *, add: RoleId | None, remove: str | None, changed_by: ChangedBy
    ) -> tuple[tuple[RoleId, ...], tuple[RoleId, ...]] | None:
        """Add a role, and remove one by id, mention or label.

        Returns the roles before and after; None if the interaction was repeated.

        Raises:
            EverybodyManages: the role to add is @everyone.
            NoSuchRole: the role to remove is not a manager role.
            TooManyRoles: there are already ``MANAGER_ROLES_MAX``.
        """
        if add == everyone_of(guild_id):
            raise EverybodyManages
        now = self._now()

        def set_roles(tx: Tx) -> tuple[tuple[RoleId, ...], tuple[RoleId, ...]] | None:
            lock_guild(tx, guild_id)
            if ledger_entries.changed(tx, changed_by):
                return None
            ledger.know_guild(tx, guild_id)
            before = manager_roles.roles(tx, guild_id)
            if remove is not None:
                manager_roles.remove(tx, guild_id, _named(before, remove))
            if add is not None:
                manager_roles.add(tx, guild_id, add)
            after = manager_roles.roles(tx, guild_id)
            if len(after) > max(len(before), MANAGER_ROLES_MAX):
                raise TooManyRoles(MANAGER_ROLES_MAX)
            ledger_entries.note(
                tx, "set", guild_id, changed_by, now, before=ManagerRoles(before), after=ManagerRoles(after)
            )
            return before, after

        return await self._database.write(set_roles)


def _named(roles: tuple[RoleId, ...], typed: str) -> RoleId:
    """Return the one of the roles that was typed."""
    id_ = _id_in(typed)
    matches = [role for role in roles if str(role) == id_]
    if not matches:
        raise NoSuchRole
    return matches[0]


def _id_in(typed: str) -> str:
    """Extract the id from an id, a mention, or a label that ends with it."""
    return (storable(typed).split() or [""])[-1].strip("<#@&>()")


def without(channels: SongChannels, typed: str) -> SongChannels:
    """Remove a channel for requests, typed as an id, a mention or a label.

    Raises:
        NoSuchChannel: it is not one of them.
    """
    id_ = _id_in(typed)
    rest = tuple(channel for channel in channels.asked if str(channel) != id_)
    if len(rest) == len(channels.asked):
        raise NoSuchChannel
    return replace(channels, asked=rest)
