"""Delivery to Discord: messages by bot token, with discord.py's errors translated for the pipeline."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import discord

from bot.discord_limits import CONTENT_MAX, FILE_SAFE_BYTES, LINK_MAX, REQUEST_MAX_BYTES
from bot.errors import Transient
from bot.model import ChannelId, Delivery, DiscordUserId, Job, MessageId, Track
from bot.pipeline.courier import (
    CardFacts,
    ContentRefused,
    MessageKind,
    NoAccess,
    NoHistory,
    nonce_of,
)
from bot.store.budget_alerts import BudgetAlert
from bot.threads import ATTACHMENTS, Threads
from bot.ui import cards, quota_cards
from bot.ui.announcement import announcement
from bot.ui.buttons.card import card_view
from bot.ui.buttons.views import is_marked, notice_view, song_view
from bot.ui.command_mentions import clickable
from bot.ui.courier_errors import Doing, FilesTooLarge, translated
from bot.ui.discord_errors import UNKNOWN_MESSAGE
from bot.ui.file_names import take_of
from bot.ui.language import Language, language_of
from bot.ui.song_files import song_files
from bot.ui.text import cut

log = logging.getLogger(__name__)

SMALLER_TRIES: Final = 3
"""Maximum number of attempts to send a song, each with fewer files, if Discord finds them too large."""
EDIT_S: Final = 20.0
"""Timeout for a small request, in seconds."""
COPY_S: Final = 60.0
"""Timeout for copying a song, in seconds."""
FETCH_S: Final = 30.0
"""Timeout for fetching one file, in seconds; another source may be tried afterwards."""
LOOK_S: Final = 60.0
"""Timeout for searching a channel's history, in seconds."""
HISTORY_MARGIN: Final = timedelta(seconds=60)
"""How far before the start of a send to search for its message, in case the clocks differ."""
HISTORY_LAST: Final = timedelta(seconds=240)
"""How long after its start a send may have landed."""
HISTORY_MAX: Final = 1_000
"""Maximum number of messages to search for a send whose time is known."""
EVER_MAX: Final = 5_000
"""Maximum number of messages to search for a send whose time is unknown."""
LOOK_EVER_S: Final = 300.0
"""Timeout for searching ``EVER_MAX`` messages, in seconds: a hundred at a time, with Discord's waits."""
CARD_WITHIN: Final = 100
"""Number of messages after a request within which its card must appear."""


class DiscordCourier:
    """Posts for the pipeline over REST alone, without a gateway connection."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._attachments = Threads("tags", ATTACHMENTS)

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> MessageId:
        """Post the song and mention the member; a file that is too large becomes a link."""
        say = _language(job, where)
        return await self._post(
            job,
            files,
            where.channel_id,
            say,
            direct=where.direct,
            content=say("song-ready", mention=f"<@{job.origin.member_id}>"),
            nonce=nonce,
            **_reference(job, where),
            allowed_mentions=_only(job.origin.member_id),
        )

    async def post_copy(
        self,
        job: Job,
        files: Sequence[tuple[Track, Path]],
        channel_id: ChannelId,
        nonce: str,
        *,
        locale: str,
        direct: bool,
    ) -> MessageId:
        """Post the same message without a mention, for a member who requested it."""
        say = language_of(locale)
        try:
            async with asyncio.timeout(COPY_S):
                return await self._post(job, files, channel_id, say, direct=direct, copy=True, nonce=nonce)
        except TimeoutError as error:
            raise Transient(f"Discord: no answer in {COPY_S:.0f} s") from error

    async def _post(
        self,
        job: Job,
        files: Sequence[tuple[Track, Path]],
        channel_id: ChannelId,
        say: Language,
        *,
        direct: bool,
        copy: bool = False,
        content: str = "",
        **how: Any,  # noqa: ANN401 - what discord.py's send takes
    ) -> MessageId:
        channel = self._client.get_partial_messageable(channel_id)
        attached, visible, too_large = _attachable(files), job, 0
        while too_large < SMALLER_TRIES:
            left_out = {track.take: track.url for track, _ in files if track.take not in attached}
            title = cards.name_of(say, visible)
            embed = cards.song(say, visible)
            if visible.first_song and not copy:
                welcome = clickable(self._client, say("song-first"))
                embed.description = "\n\n".join(filter(None, [embed.description, welcome]))
            text = cut(_with_links(say, content or str(embed.title), left_out), CONTENT_MAX)
            view = song_view(say, job, left_out, direct=direct, copy=copy)
            try:
                async with song_files(
                    visible, title, self._artist, files, attached, self._attachments
                ) as uploads:
                    with translated(self._client, Doing.UPLOADING):
                        message = await channel.send(text, embed=embed, files=uploads, view=view, **how)
            except FilesTooLarge as error:
                # Nothing was posted, so another attempt with fewer files can't duplicate the message.
                log.info(
                    "files too large", extra={"job_id": job.id, "count": len(attached), "error": str(error)}
                )
                smaller = {take for take in attached if _size(files, take) <= FILE_SAFE_BYTES}
                attached = smaller if smaller < attached else set()
                too_large += 1
            except ContentRefused as error:
                if visible is not job:
                    raise
                log.info("content refused", extra={"job_id": job.id, "error": str(error)})
                visible = cards.without_texts(job)
                content = "\n".join(filter(None, [content, say("text-refused-here")]))
            else:
                return MessageId(message.id)
        raise NoAccess("too large even without files")

    @property
    def _artist(self) -> str:
        """The bot's name, for the tags of its songs."""
        return "" if self._client.user is None else self._client.user.display_name

    async def fetch(self, job: Job, take: int, *, max_bytes: int) -> bytes | None:
        """Return this take's file from the song's message."""
        if job.delivery is None or job.message_id is None:
            return None
        with translated(self._client, Doing.FETCHING):
            async with asyncio.timeout(FETCH_S):
                message = await self._channel(job.delivery).fetch_message(job.message_id)
                for attachment in message.attachments:
                    if take_of(attachment.filename) == take and attachment.size <= max_bytes:
                        return await attachment.read()
        return None

    async def post_notice(self, job: Job, where: Delivery, nonce: str) -> MessageId:
        """Post why there is no song, and mention the member."""
        try:
            return await self._post_notice(job, job, where, nonce)
        except ContentRefused as error:
            log.info("content refused", extra={"job_id": job.id, "error": str(error)})
        return await self._post_notice(job, cards.without_texts(job), where, nonce)

    async def _post_notice(self, job: Job, visible: Job, where: Delivery, nonce: str) -> MessageId:
        say = _language(job, where)
        content = say("notice-none", mention=f"<@{job.origin.member_id}>")
        embed, view = cards.notice(say, visible), notice_view(say, job, direct=where.direct)
        with translated(self._client, Doing.SENDING):
            message = await self._channel(where).send(
                content,
                embed=embed,
                view=view,
                nonce=nonce,
                **_reference(job, where),
                allowed_mentions=_only(job.origin.member_id),
            )
        return MessageId(message.id)

    async def post_alert(self, alert: BudgetAlert) -> None:
        """Post a server's allowance usage to the channel that its managers chose."""
        channel = self._client.get_partial_messageable(alert.channel_id)
        text = quota_cards.budget_alert(language_of(alert.locale), alert)
        with translated(self._client, Doing.SENDING):
            async with asyncio.timeout(EDIT_S):
                await channel.send(text, nonce=nonce_of(f"budget:{alert.id}"))

    async def announce(self, job: Job, channel_id: ChannelId) -> None:
        """Post one line that links to the song and pings nobody."""
        channel = self._client.get_partial_messageable(channel_id)
        say = language_of(job.origin.guild_locale)
        with translated(self._client, Doing.SENDING):
            async with asyncio.timeout(EDIT_S):
                await channel.send(announcement(say, job), nonce=nonce_of(f"announcement:{job.id}"))

    async def find(
        self, job: Job, kind: MessageKind, where: Delivery, *, ever: bool = False
    ) -> MessageId | None:
        """Find the job's own message of this kind, sent when it could have landed.

        With ``ever``, any time qualifies, and there may be too many messages since then for an answer.
        """
        # By Discord's clock: ours may be wrong, but the difference between two of its readings is not.
        asked_at = discord.utils.snowflake_time(job.origin.interaction_id)
        began_at = asked_at + (where.started_at - job.created_at)
        after = discord.Object(discord.utils.time_snowflake(max(asked_at, began_at - HISTORY_MARGIN)))
        limit, within_s = (EVER_MAX, LOOK_EVER_S) if ever else (HISTORY_MAX, LOOK_S)
        count = 0
        with translated(self._client, Doing.LOOKING):
            async with asyncio.timeout(within_s):
                history = self._channel(where).history(limit=limit, after=after, oldest_first=True)
                async for message in history:
                    if is_marked(message, kind, job.id):
                        return MessageId(message.id)
                    if not ever and message.created_at > began_at + HISTORY_LAST:
                        break
                    count += 1
                if not count and not where.direct:
                    await self._may_read(job, where)
        if ever and count >= EVER_MAX:
            raise NoHistory(f"more than {EVER_MAX} messages since then")
        return None

    async def _may_read(self, job: Job, where: Delivery) -> None:
        """Raise if the history is unreadable: it looks empty, but a fetch then fails.

        Source: https://docs.discord.com/developers/resources/message#get-channel-messages, read 2026-11-24.
        """
        channel = self._client.get_partial_messageable(where.channel_id)
        try:
            await channel.fetch_message(job.card_message_id or job.origin.interaction_id)
        except discord.NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise

    async def find_card(self, job: Job) -> MessageId | None:
        """Return the message created for the answer, which names the interaction."""
        request = discord.Object(job.origin.interaction_id)
        channel = self._client.get_partial_messageable(job.origin.channel_id)
        with translated(self._client, Doing.EDITING):
            async with asyncio.timeout(EDIT_S):
                async for message in channel.history(limit=CARD_WITHIN, after=request, oldest_first=True):
                    if (
                        message.interaction_metadata is not None
                        and message.interaction_metadata.id == request.id
                    ):
                        return MessageId(message.id)
        return None

    async def open_direct(self, member_id: DiscordUserId) -> ChannelId:
        """Return the channel for direct messages to the member."""
        with translated(self._client, Doing.SENDING):
            async with asyncio.timeout(EDIT_S):
                channel = await self._client.create_dm(discord.Object(member_id))
        return ChannelId(channel.id)

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        """Edit the public answer to the request; an edit notifies nobody."""
        if job.card_message_id is None:
            raise NoAccess("its id is not known")
        say = language_of(job.origin.guild_locale)
        channel = self._client.get_partial_messageable(job.origin.channel_id)
        embed, view = cards.card(say, job, facts), card_view(say, job)
        message = channel.get_partial_message(job.card_message_id)
        with translated(self._client, Doing.EDITING):
            async with asyncio.timeout(EDIT_S):
                await message.edit(content=cards.card_line(say, job), embed=embed, view=view)

    def _channel(self, where: Delivery) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(where.channel_id)


def _with_links(say: Language, content: str, left_out: dict[int, str]) -> str:
    """Return a message's text with the URLs that are too long for a button."""
    lines = [content] if content else []
    for take, url in left_out.items():
        line = f"{say('button-take', number=take)}: <{url}>"
        # A truncated URL leads nowhere, and Discord refuses texts that are too long.
        if len(url) > LINK_MAX and len("\n".join([*lines, line])) <= CONTENT_MAX:
            lines.append(line)
    return "\n".join(lines)


def _attachable(files: Sequence[tuple[Track, Path]]) -> set[int]:
    """Return the takes whose files exist and fit into one request, in order."""
    takes: set[int] = set()
    total = 0
    for track, path in files:
        if total + track.size_bytes <= REQUEST_MAX_BYTES and path.is_file():
            takes.add(track.take)
            total += track.size_bytes
    return takes


def _size(files: Sequence[tuple[Track, Path]], take: int) -> int:
    return next(track.size_bytes for track, _ in files if track.take == take)


def _language(job: Job, where: Delivery) -> Language:
    """Return the server's language in channels, the member's in a direct message."""
    return language_of(job.origin.member_locale if where.direct else job.origin.guild_locale)


def _reference(job: Job, where: Delivery) -> dict[str, Any]:
    """Return the arguments for a reply to the card, which may have been deleted."""
    elsewhere = where.channel_id != job.origin.channel_id
    if elsewhere or job.card_message_id is None or not job.origin.may_reference:
        return {}
    card = discord.MessageReference(
        message_id=job.card_message_id,
        channel_id=where.channel_id,
        guild_id=job.origin.guild_id,
        fail_if_not_exists=False,
    )
    return {"reference": card}


def _only(member_id: DiscordUserId) -> discord.AllowedMentions:
    return discord.AllowedMentions(
        everyone=False, roles=False, users=[discord.Object(member_id)], replied_user=False
    )
