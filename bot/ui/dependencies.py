"""The dependencies of commands, buttons and forms."""

from dataclasses import dataclass, field

from bot.services.credits import CreditService
from bot.services.export_files import OneExportEach
from bot.services.intake import Intake
from bot.services.lyrics import Lyricist
from bot.services.privacy import PrivacyService
from bot.services.ratings import Ratings
from bot.services.server_rules import ServerRules
from bot.services.songs import SongArchive
from bot.threads import ATTACHMENTS, Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All services that the user interface calls."""

    intake: Intake
    credits: CreditService
    rules: ServerRules
    song_archive: SongArchive
    lyrics: Lyricist
    privacy: PrivacyService
    ratings: Ratings
    exports: OneExportEach = field(default_factory=OneExportEach)
    attachments: Threads = field(default_factory=lambda: Threads("attachments", ATTACHMENTS))
