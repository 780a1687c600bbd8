"""Render members' own data as embeds and sentences: pure functions."""

from typing import Final

import discord
from discord.utils import format_dt

from bot.services.privacy import Deletion, PrivacyView
from bot.store.personal_data import COUNTED_MAX
from bot.ui import messages
from bot.ui.cards import COLOR_WORKING
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.text import line

NAME_MAX: Final = 80
"""Maximum length of the operator's displayed name, in characters."""


def view(say: Language, data: PrivacyView, owner: discord.User | None) -> discord.Embed:
    """Return what is stored about a member, why and how long, and who is responsible."""
    records = data.records
    lines = (
        [say("privacy-since", when=format_dt(records.since, "d"), servers=records.servers)]
        if records.since
        else []
    )
    if records.deleted_before:
        lines.append(say("privacy-hash"))
    if records.leaving_since is not None:
        lines.append(say("privacy-leaving"))
    if data.snapshots:
        lines.append(say("privacy-copies", count=data.snapshots))
    if not (
        lines or records.drafts or records.ratings or records.limits or records.ledger_entries or data.files
    ):
        lines.append(say("privacy-nothing"))
    if records.more:
        lines.append(say("privacy-counted", count=COUNTED_MAX))
    embed = FittedEmbed(
        title=say("privacy-title"),
        description="\n".join(lines) or None,
        color=COLOR_WORKING,
    )
    with_texts, songs = messages.songs(say, records.songs_with_texts), messages.songs(say, records.songs)
    fields = {
        "texts": say("privacy-texts-value", songs=with_texts, days=data.texts_days),
        "drafts": say("privacy-drafts-value", count=records.drafts),
        "ratings": say("privacy-ratings-value", count=records.ratings),
        "files": say("privacy-files-value", count=data.files, days=data.files_days),
        "ids": say("privacy-ids-value", songs=songs),
        "credits": say("privacy-credits-value", entries=records.ledger_entries, limits=len(records.limits)),
        "service": say("privacy-service-value"),
        "write": say("privacy-write-value", whom=_contact(say, owner)),
    }
    for name, value in fields.items():
        embed.add_field(name=say(f"privacy-{name}"), value=value, inline=False)
    return embed


def _contact(say: Language, owner: discord.User | None) -> str:
    """Return the operator by the name of the application's owner on Discord."""
    if owner is None:
        return say("privacy-host")
    # The user name helps members find them; a mention may show only an id.
    return say("privacy-owner", name=f"{line(owner.display_name, NAME_MAX)} ({line(owner.name, NAME_MAX)})")


def deleted(say: Language, deletion: Deletion) -> str:
    """Return the progress of a deletion."""
    if deletion.waits_for:
        text = say("privacy-waits", songs=messages.songs(say, deletion.waits_for))
    else:
        on_its_way = "privacy-deleting-on-server" if deletion.on_server else "privacy-deleting"
        text = say("privacy-deleted" if deletion.clean else on_its_way)
    if deletion.replaced_until is None:
        return text
    return f"{text} {say('privacy-replaced', when=format_dt(deletion.replaced_until, 'D'))}"
