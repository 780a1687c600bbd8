"""The exported ledger as read by a spreadsheet."""

import csv
from pathlib import Path

from msgspec.structs import replace

from bot.balance import ChangedBy
from bot.database.sqlite import Database
from bot.mentions import Names
from bot.model import ChannelId, DiscordUserId, EntryId, GuildId, JobId, RoleId
from bot.services import ledger_csv
from bot.services.intake import Intake
from bot.store import ledger, reports
from bot.store.changes import Channel, Credits, Status
from bot.store.reports import LedgerRow
from tests import make

BIG = 2**64 - 1
NUMBER_DIGITS_MAX = 15
"""Maximum number of digits that Excel and LibreOffice preserve."""
ROW = LedgerRow(
    day=20_000,
    id=EntryId(1),
    at=make.NOW,
    kind="refund",
    allowance=10,
    bonus=0,
    job_id=JobId(2**53 - 1),
    song="Neon Rain",
    member_id=DiscordUserId(BIG),
    role_id=RoleId(BIG - 1),
    actor_id=DiscordUserId(BIG - 2),
    by_operator=False,
    reason="",
    before=Channel(ChannelId(BIG - 3)),
    after=Status.REFUNDED,
)
NAMES = Names(
    members={BIG: "=Ann", BIG - 2: "Ada"}, roles={BIG - 1: "@everyone"}, servers={BIG - 4: "Garage; +1"}
)


def cells(path: Path, *rows: LedgerRow, names: Names = NAMES) -> list[dict[str, str]]:
    assert len(rows) == ledger_csv.write(path, GuildId(BIG - 4), rows, names).count
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def test_no_id_is_a_number_to_a_spreadsheet(tmp_path: Path) -> None:
    (row,) = cells(tmp_path / "ledger.csv", ROW)

    numbers = {name: cell for name, cell in row.items() if cell.lstrip("-").isdecimal()}
    assert {"entry": "1", "allowance": "10", "bonus": "0"} == numbers
    assert all(len(cell) <= NUMBER_DIGITS_MAX for cell in numbers.values())
    assert {"job": f"'{2**53 - 1}", "member": f"'{BIG}", "role": f"'{BIG - 1}", "actor": f"'{BIG - 2}"} | {
        "before": f"'{BIG - 3}",
        "server": f"'{BIG - 4}",
    } == {name: row[name] for name in ("job", "member", "role", "actor", "before", "server")}


def test_names_are_next_to_their_ids_and_contain_no_formulas(tmp_path: Path) -> None:
    (row,) = cells(tmp_path / "ledger.csv", ROW)

    assert ["'=Ann", "'@everyone", "Ada", "Garage;' +1"] == [
        row[f"{name}_name"] for name in ("member", "role", "actor", "server")
    ]


def test_unknown_names_and_missing_ids_are_empty_cells(tmp_path: Path) -> None:
    erased = replace(
        ROW,
        job_id=None,
        member_id=None,
        role_id=None,
        actor_id=None,
        before=None,
        after=Credits(30),
        by_operator=True,
    )
    (row,) = cells(tmp_path / "ledger.csv", erased, names=Names())

    assert {"operator", "30"} == {row["actor"], row["after"]}
    assert {""} == {
        row[name]
        for name in (
            "job",
            "member",
            "member_name",
            "role",
            "role_name",
            "actor_name",
            "before",
            "server_name",
        )
    }


async def test_members_in_a_ledger_have_the_name_of_their_last_song(
    database: Database, clock: make.Clock
) -> None:
    intake = Intake(database, make.terms(open_per_member=9), now=clock, woken=lambda: None)
    for number, name in enumerate(("Ann", "Ann the Great", "")):
        clock.forward(seconds=1)
        await intake.accept(make.prompt(), make.origin(interaction_id=number, member_name=name))
    manager = ChangedBy(actor_id=DiscordUserId(77), reason="thanks")
    await database.write(lambda tx: ledger.grant(tx, make.GUILD, 5, manager, clock()))

    people = await database.read(lambda tx: reports.people(tx, make.GUILD))

    assert {make.origin().member_id: "Ann the Great", DiscordUserId(77): ""} == people
    assert {} == await database.read(lambda tx: reports.people(tx, GuildId(1)))
