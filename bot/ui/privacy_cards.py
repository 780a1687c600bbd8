"""What members see of what is kept about them: pure functions."""

import discord
from discord.utils import format_dt

from bot.services.privacy import Deletion, Kept
from bot.ui import messages
from bot.ui.cards import COLOR_WORKING
from bot.ui.language import Language
from bot.ui.text import line

NAME_MAX = 80


def kept(say: Language, found: Kept, owner: discord.User | None) -> discord.Embed:
    """What is kept about a member, why and how long, and who answers for it."""
    there = found.records
    told = (
        [say("privacy-since", when=format_dt(there.since, "d"), servers=there.servers)] if there.since else []
    )
    if there.deleted_before:
        told.append(say("privacy-hash"))
    if there.leaving_since is not None:
        told.append(say("privacy-leaving"))
    if found.copies:
        told.append(say("privacy-copies", count=found.copies))
    if not (told or there.drafts or there.limits or there.ledger_entries or found.files):
        told.append(say("privacy-nothing"))
    embed = discord.Embed(
        title=say("privacy-title"),
        description="\n".join(told) or None,
        color=COLOR_WORKING,
    )
    worded, songs = messages.songs(say, there.songs_with_words), messages.songs(say, there.songs)
    fields = {
        "words": say("privacy-words-value", songs=worded, days=found.words_days),
        "drafts": say("privacy-drafts-value", count=there.drafts),
        "files": say("privacy-files-value", count=found.files, days=found.files_days),
        "ids": say("privacy-ids-value", songs=songs),
        "credits": say("privacy-credits-value", entries=there.ledger_entries, limits=len(there.limits)),
        "service": say("privacy-service-value"),
        "write": say("privacy-write-value", whom=_whom(say, owner)),
    }
    for name, value in fields.items():
        embed.add_field(name=say(f"privacy-{name}"), value=value, inline=False)
    return embed


def _whom(say: Language, owner: discord.User | None) -> str:
    """Who hosts the bot, as Discord tells it of the application."""
    if owner is None:
        return say("privacy-host")
    # By the name under which they are found; not every client knows somebody by the id.
    return say("privacy-owner", name=f"{line(owner.display_name, NAME_MAX)} ({line(owner.name, NAME_MAX)})")


def deleted(say: Language, deletion: Deletion) -> str:
    """How far a deletion has come."""
    if deletion.waits_for:
        return say("privacy-waits", songs=messages.songs(say, deletion.waits_for))
    return say("privacy-deleted" if deletion.clean else "privacy-deleting")
