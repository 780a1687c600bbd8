"""The ledger's record of values before and after a change, as written now and by earlier versions."""

import pytest

from bot.balance import Period
from bot.model import ChannelId, RoleId
from bot.store import changes
from bot.store.changes import Allowance, Channel, Credits, ManagerRoles, SongChannels, Status, Value

SNOWFLAKE = 1_400_000_000_000_000_000


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("set", Allowance(100, period)) for period in Period),
        ("grant", Credits(0)),
        ("member", Credits(None)),
        ("role", Credits(SNOWFLAKE)),
        ("alerts", Channel(ChannelId(5))),
        ("alerts", Channel(None)),
        ("set", Allowance(100, Period.MONTH, "Asia/Tokyo")),
        ("set", SongChannels((ChannelId(SNOWFLAKE), ChannelId(5)), ChannelId(6), None)),
        ("set", SongChannels()),
        ("set", ManagerRoles((RoleId(5), RoleId(SNOWFLAKE)))),
        ("set", ManagerRoles()),
        *(("pause", status) for status in Status),
    ],
)
def test_a_value_is_read_as_it_was_written(kind: str, value: Value) -> None:
    assert value == changes.read(kind, changes.write(value))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("set", "100 a month", Allowance(100, Period.MONTH)),
        ("set", "50 a week", Allowance(50, Period.WEEK)),
        ("grant", "50", Credits(50)),
        ("member", "none", Credits(None)),
        ("member", "123456789012345678", Credits(123456789012345678)),
        ("role", "30", Credits(30)),
        ("alerts", "5", Channel(ChannelId(5))),
        ("alerts", "none", Channel(None)),
        ("pause", "open", Status.OPEN),
        ("resume", "paused", Status.PAUSED),
        ("refund", "settled", Status.SETTLED),
        ("refund", "refunded", Status.REFUNDED),
    ],
)
def test_an_entry_of_an_earlier_version_is_read_by_its_kind(kind: str, text: str, value: Value) -> None:
    assert value == changes.read(kind, text)
    assert text == changes.plain(value)


def test_an_entry_without_a_change_has_none() -> None:
    assert None is changes.read("hold", None)
    assert "" == changes.plain(None)
