"""Standbys as counted by the campaign of a fleet, on which its figures depend."""

from tests.campaign.machines import Holder, Seen, standbys_free

STOOD_BY = "standing by"
WORKS = f"{STOOD_BY}\nslot taken"
LEADER = Holder(slot=0, epoch=1, pid=1)
OTHER = Holder(slot=1, epoch=1, pid=2)


def test_a_standby_is_free_while_every_slot_has_its_holder() -> None:
    processes = [
        Seen(1, works=True, log=WORKS),
        Seen(2, works=True, log=WORKS),
        Seen(3, works=True, log=STOOD_BY),
    ]

    assert 1 == standbys_free(processes, [LEADER, OTHER])


def test_a_standby_awaited_by_another_slot_is_not_free() -> None:
    """The holder of slot 1 stands still."""
    processes = [
        Seen(1, works=True, log=WORKS),
        Seen(2, works=False, log=WORKS),
        Seen(3, works=True, log=STOOD_BY),
    ]

    assert 0 == standbys_free(processes, [LEADER, OTHER])


def test_a_process_that_woke_up_without_its_slot_is_not_a_standby() -> None:
    woken, taker = Seen(2, works=True, log=WORKS), Seen(3, works=True, log=WORKS)

    assert 0 == standbys_free([Seen(1, works=True, log=WORKS), woken, taker], [LEADER, Holder(1, 2, 3)])


def test_a_process_that_is_still_starting_is_not_a_standby() -> None:
    assert 0 == standbys_free([Seen(1, works=True, log=WORKS), Seen(3, works=True, log="")], [LEADER])
