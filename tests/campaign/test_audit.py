"""The audit finds each kind of violation in doctored books."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.campaign.audit import (
    UNKNOWN,
    WITHDRAWN,
    Answered,
    Audit,
    Books,
    Kind,
    Message,
    Payment,
    Request,
    Row,
)
from tests.doubles.music import Given

Doctored = Callable[[Books], Books]

SONG, FAILURE, LOST, KILLED, REFUSED, TOO_LATE, NEVER_TAKEN = range(1, 8)
"""Numbers of the requests in the books, named after their outcomes."""


def said(held: int, settled: int, released: int) -> str:
    return (
        "ok       ledger: counters = ledger = jobs: 10 entries for 5 jobs in 2 servers; "
        f"{held} credits held, {settled} settled, {released} released"
    )


def request(number: int, answered: Answered = Answered.CARD) -> Request:
    return Request(
        number=number,
        interaction_id=1_000 + number,
        answered=answered,
        card_has_ended=True,
        channel_id=7,
        member_id=70 + number,
    )


def post(number: int, given: Given = Given.TASK, **changed: object) -> Payment:
    made = Payment(
        number=number,
        given=given,
        cut_off=False,
        task_id=f"task{number}",
        asked=given is Given.TASK,
        makes_song=True,
    )
    return replace(made, **changed)  # type: ignore[arg-type] # a test names fields that exist


def message(number: int, kind: Kind, **changed: object) -> Message:
    made = Message(
        id=5_000 + number,
        kind=kind,
        job_id=100 + number,
        number=number,
        task_ids=frozenset({f"task{number}"} if kind is Kind.SONG else ()),
        channel_id=7,
        pings=frozenset({70 + number}),
    )
    return replace(made, **changed)  # type: ignore[arg-type] # a test names fields that exist


def row(number: int, state: str, reason: str | None = None, task_id: str | None = None) -> Row:
    return Row(
        job_id=100 + number,
        interaction_id=1_000 + number,
        task_id=task_id,
        state=state,
        reason=reason,
        card_known=True,
    )


SOUND = Books(
    price=10,
    kills=1,
    requests=(
        request(SONG),
        request(FAILURE),
        request(LOST),
        request(KILLED, Answered.NOTHING),
        request(REFUSED, Answered.REFUSAL),
        request(TOO_LATE, Answered.NOTHING),
        request(NEVER_TAKEN, Answered.NOTHING),
    ),
    posts=(
        post(SONG, Given.BUSY, task_id=None, makes_song=False),
        post(SONG),
        post(FAILURE, makes_song=False),
        post(LOST, Given.LOST),
        post(KILLED, cut_off=True, asked=False),
    ),
    messages=(
        message(SONG, Kind.SONG),
        message(FAILURE, Kind.NOTICE),
        message(LOST, Kind.NOTICE),
        message(KILLED, Kind.NOTICE),
    ),
    rows=(
        row(SONG, "delivered", task_id="task1"),
        row(FAILURE, "explained", "upstream_failed", "task2"),
        row(LOST, "explained", UNKNOWN),
        row(KILLED, "explained", UNKNOWN),
        row(TOO_LATE, "explained", WITHDRAWN),
    ),
    doctor_status=0,
    doctor_said=said(0, 10, 40),
)


def violations(books: Books) -> str:
    return "\n".join(Audit(books).violations())


def test_sound_books_have_no_violation() -> None:
    assert "" == violations(SOUND)


def test_the_totals_are_counted_from_the_books() -> None:
    totals = {name.strip(): total for name, total in Audit(SOUND).totals().items()}

    assert {
        "requests": 7,
        "not answered": 3,
        "never taken": 1,
        "withdrawn": 1,
        "taken and charged": 4,
        "songs posted": 1,
        "failures told": 3,
        "unknown outcomes": 2,
        "charged, the answer lost": 1,
        "charged, the bot killed": 1,
        "EXTRA CHARGES": 0,
        "KNOWN SONGS LOST": 0,
    }.items() <= totals.items()


def more(*messages: Message) -> Doctored:
    return lambda books: replace(books, messages=books.messages + messages)


def without(number: int) -> Doctored:
    return lambda books: replace(books, messages=tuple(one for one in books.messages if one.number != number))


def posted(*posts: Payment) -> Doctored:
    return lambda books: replace(books, posts=books.posts + posts)


def asked(*requests: Request) -> Doctored:
    """Replace requests with the same numbers by these."""
    numbers = {one.number for one in requests}
    return lambda books: replace(
        books, requests=(*(one for one in books.requests if one.number not in numbers), *requests)
    )


def paid(*posts: Payment) -> Doctored:
    """Replace paid requests with the same numbers by these."""
    numbers = {one.number for one in posts}
    return lambda books: replace(
        books, posts=(*(one for one in books.posts if one.number not in numbers), *posts)
    )


def booked(*rows: Row) -> Doctored:
    """Replace jobs with the same ids by these."""
    ids = {one.job_id for one in rows}
    return lambda books: replace(books, rows=(*(one for one in books.rows if one.job_id not in ids), *rows))


def forgotten(number: int) -> Doctored:
    return lambda books: replace(
        books, rows=tuple(one for one in books.rows if one.interaction_id != 1_000 + number)
    )


def doctor(status: int, words: str) -> Doctored:
    return lambda books: replace(books, doctor_status=status, doctor_said=words)


CASES: dict[str, tuple[Doctored, str]] = {
    "a second charge for one song": (posted(post(SONG, task_id="other")), "song 1 was charged 2 times"),
    "a second request after a lost answer": (
        posted(post(LOST, Given.BUSY, task_id=None)),
        "song 3 was posted again after an outcome that was no clear refusal: ['lost', 'busy']",
    ),
    "a second request after an error": (
        paid(post(LOST, Given.ERROR, task_id=None), post(LOST, Given.REFUSED, task_id=None)),
        "song 3 was posted again",
    ),
    "a request that is not documented": (
        posted(post(TOO_LATE, Given.INVALID, task_id=None)),
        "song 6 was posted in a way that is not documented",
    ),
    "a charge that nobody asked for": (posted(post(99)), "song 99 was paid for, and nobody asked"),
    "a task of another song": (booked(row(SONG, "delivered", task_id="task9")), "song 1 has the task task9"),
    "a known song that was never posted": (without(SONG), "song 1: its task task1 came to 0 songs"),
    "a known failure that was never told": (
        without(FAILURE),
        "song 2: its task task2 came to 0 songs and 0 notices",
    ),
    "a known task that was dropped": (
        booked(row(SONG, "explained", "internal")),
        "song 1: its task task1 was asked about, and is no job's",
    ),
    "a song that was told as failed instead": (
        lambda books: more(message(SONG, Kind.NOTICE))(without(SONG)(books)),
        "came to 0 songs and 1 notices",
    ),
    "a song posted twice": (more(message(SONG, Kind.SONG, id=6_000)), "song 1 was posted 2 times"),
    "a song told as failed too": (
        more(message(SONG, Kind.NOTICE, id=6_000)),
        "song 1 was posted, and told as failed too",
    ),
    "a failure told twice": (
        more(message(LOST, Kind.NOTICE, id=6_000)),
        "song 3: told as failed 2 times: [5003, 6000]",
    ),
    "a charge that nobody was told of": (
        booked(row(LOST, "explained", "expired")),
        "song 3: charged, known by nobody, and told as expired",
    ),
    "an id that was heard and lost without a kill": (
        paid(post(KILLED, asked=False)),
        "song 4: answered with task, and yet an unknown outcome",
    ),
    "more unknown outcomes than kills and lost answers": (
        lambda books: replace(paid(post(LOST, Given.TASK, cut_off=True, asked=False))(books), kills=0),
        "2 unknown outcomes; kills and lost answers excuse 0",
    ),
    "a message about nothing": (more(message(99, Kind.NOTICE)), "message 5099 is about no request"),
    "a message without its button": (more(message(SONG, Kind.OTHER)), "message 5001 is about no request"),
    "a button of another job": (
        lambda books: more(message(SONG, Kind.SONG, job_id=42))(without(SONG)(books)),
        "message 5001: its button names job 42",
    ),
    "a song in another channel": (
        lambda books: more(message(SONG, Kind.SONG, channel_id=8))(without(SONG)(books)),
        "message 5001 is in another channel",
    ),
    "a song for another member": (
        lambda books: more(message(SONG, Kind.SONG, pings=frozenset({1})))(without(SONG)(books)),
        "or for another member",
    ),
    "the files of another song": (
        lambda books: more(message(SONG, Kind.SONG, task_ids=frozenset({"task1", "task2"})))(
            without(SONG)(books)
        ),
        "message 5001 brings other files",
    ),
    "a promise that was forgotten": (forgotten(SONG), "song 1 was promised, and is no job"),
    "a promise that came to no end": (without(LOST), "song 3 (explained, card) came to 0 ends"),
    "an unanswered request that came to no end": (without(KILLED), "song 4 (explained, nothing) came to 0"),
    "a refusal that is a job": (
        booked(row(REFUSED, "explained", "expired")),
        "song 5 was refused but became a job",
    ),
    "a refusal that was paid for": (posted(post(REFUSED)), "song 5 was refused but became a job"),
    "a withdrawn request that was paid for": (posted(post(TOO_LATE)), "song 6 was withdrawn, and yet"),
    "a promise that was withdrawn": (asked(request(TOO_LATE)), "song 6 was withdrawn, and yet promised"),
    "a request that is no job and was paid for": (posted(post(NEVER_TAKEN)), "song 7 is no job, and yet"),
    "a doctor who finds something": (doctor(1, "failure  ledger: job 5 …"), "the doctor (1): failure"),
    "a doctor who says nothing": (doctor(0, ""), "the doctor (0)"),
    "credits that are still held": (
        doctor(0, said(10, 10, 40)),
        "held, settled and released are (10, 10, 40) credits; by the messages (0, 10, 40)",
    ),
    "a song that was not settled": (doctor(0, said(0, 0, 50)), "(0, 0, 50)"),
    "a failure that was not released": (doctor(0, said(0, 10, 30)), "(0, 10, 30)"),
    "something noticed on the way": (
        lambda books: replace(books, complaints=("life 3 ended by itself",)),
        "life 3 ended by itself",
    ),
}


@pytest.mark.parametrize(("doctored", "sentence"), CASES.values(), ids=CASES)
def test_each_violation_in_doctored_books_is_found(doctored: Doctored, sentence: str) -> None:
    assert sentence in violations(doctored(SOUND))
