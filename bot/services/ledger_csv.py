"""The ledger as CSV for spreadsheets. Nothing that somebody typed becomes a formula."""

import csv
import re
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from typing import Final

from bot.store import changes
from bot.store.reports import LedgerRow

COLUMNS: Final = (
    *("entry", "time_utc", "kind", "allowance", "bonus", "job", "song", "member", "role", "actor"),
    *("reason", "before", "after"),
)
_FORMULA: Final = re.compile(r"""(^|[;|\t\r\n])([\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])""")
"""What a spreadsheet may take for the beginning of a formula: at the start of a cell, and after a separator
of cells, since some languages' spreadsheets split lines at semicolons instead of commas.
Source: https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-23."""


def write(path: Path, rows: Iterable[LedgerRow]) -> int:
    """Write the entries as CSV. Returns their number."""
    count = 0
    # Excel recognises UTF-8 by the byte order mark.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(COLUMNS)
        for row in rows:
            sheet.writerow(_cells(row))
            count += 1
    return count


def _cells(row: LedgerRow) -> tuple[object, ...]:
    return (
        row.id,
        row.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        row.kind,
        row.allowance,
        row.bonus,
        row.job_id,
        _text(row.song),
        row.member_id,
        row.role_id,
        "operator" if row.by_operator else row.actor_id,
        _text(row.reason),
        changes.plain(row.before),
        changes.plain(row.after),
    )


def _text(typed: str) -> str:
    """Return the text with an apostrophe before everything that a spreadsheet would compute."""
    return _FORMULA.sub(lambda match: f"{match[1] or ''}'{match[2] or ''}", typed)
