"""The ledger as CSV for spreadsheets: ids keep their digits, and no typed text becomes a formula."""

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Final

from bot.lazy import lazy_pattern
from bot.mentions import Names
from bot.model import GuildId
from bot.services.export_files import Export, Part, PartFiles
from bot.store import changes
from bot.store.reports import LedgerRow

COLUMNS: Final = (
    *("entry", "time_utc", "kind", "allowance", "bonus", "job", "song", "member", "member_name"),
    *("role", "role_name", "actor", "actor_name", "reason", "before", "after", "server", "server_name"),
)
BYTE_ORDER_MARK: Final = "\ufeff"
"""Byte order mark, by which Excel recognises UTF-8."""
TEXT_MARK: Final = "'"
"""Prefix that makes spreadsheets read digits as text. They keep 15 digits of a number; ids have up to 20.
LibreOffice 7.4 and Excel import it as part of the text; ``="…"`` would be a formula."""
_FORMULA: Final = lazy_pattern(r"""(^|[;|\t\r\n])([\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])""")
"""Characters that may begin a formula in a spreadsheet: at the start of a cell, and after a cell separator,
since in some locales spreadsheets split lines at semicolons instead of commas.
Source: https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-23."""


def write(path: Path, guild_id: GuildId, rows: Iterable[LedgerRow], names: Names) -> Export:
    """Write a server's entries as CSV, with a header row at the top of each part."""
    files, count, complete = PartFiles(path), 0, True
    part = _begin(files)
    for row in rows:
        if part.full and files.last:
            complete = False
            break
        if part.full:
            part = _begin(files)
        csv.writer(part).writerow(_cells(row, guild_id, names))
        count += 1
    return Export(paths=files.finish(), count=count, complete=complete)


def _begin(files: PartFiles) -> Part:
    part = files.begin()
    part.write(BYTE_ORDER_MARK)
    csv.writer(part).writerow(COLUMNS)
    return part


def _cells(row: LedgerRow, guild_id: GuildId, names: Names) -> tuple[object, ...]:
    return (
        row.id,
        row.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        row.kind,
        row.allowance,
        row.bonus,
        _id(row.job_id),
        _text(row.song),
        _id(row.member_id),
        _name(names.members, row.member_id),
        _id(row.role_id),
        _name(names.roles, row.role_id),
        "operator" if row.by_operator else _id(row.actor_id),
        _name(names.members, row.actor_id),
        _text(row.reason),
        _value(row.before),
        _value(row.after),
        _id(guild_id),
        _name(names.servers, guild_id),
    )


def _id(number: int | None) -> str:
    """Return an id as text; as a number it would lose its last digits."""
    return "" if number is None else f"{TEXT_MARK}{number}"


def _name(names: Mapping[int, str], number: int | None) -> str:
    return "" if number is None else _text(names.get(number, ""))


def _value(value: changes.Value | None) -> str:
    if isinstance(value, changes.Channel) and value.id is not None:
        return _id(value.id)
    return changes.plain(value)


def _text(typed: str) -> str:
    """Put an apostrophe before everything that a spreadsheet would evaluate."""
    return _FORMULA.sub(lambda match: f"{match[1] or ''}'{match[2] or ''}", typed)
