"""The audit: compare the books of Discord and the music service with each other and with the bot's own."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final, TypeVar

from tests.doubles.music import Given

FLIGHTS_MAX: Final = 4
"""Maximum number of paid requests that one process may have in flight."""
UNKNOWN: Final = "outcome_unknown"
WITHDRAWN: Final = "withdrawn"

T = TypeVar("T")

_DOCTOR = re.compile(r"ok\s+ledger: .* (\d+) credits held, (\d+) settled, (\d+) released")


class Answered(StrEnum):
    """The member's view of the answer to the command."""

    CARD = "card"
    """The public promise of a song."""
    REFUSAL = "refusal"
    """A private sentence."""
    NOTHING = "nothing"
    """The application did not respond."""


class Kind(StrEnum):
    """The kind of a message of the bot's."""

    SONG = "song"
    NOTICE = "notice"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A member's request for a song, in Discord's books."""

    number: int
    interaction_id: int
    answered: Answered
    card_has_ended: bool
    """Whether the card shows the final state."""
    channel_id: int
    member_id: int


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message posted by the bot, in Discord's books."""

    id: int
    kind: Kind
    job_id: int
    """From its button."""
    number: int
    """From its title."""
    task_ids: frozenset[str]
    """Tasks whose files are attached."""
    channel_id: int
    pings: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A paid request, in the music service's books."""

    number: int
    given: Given
    cut_off: bool
    """Whether the bot was killed between its arrival and the moment after its answer."""
    task_id: str | None
    """The task created and charged for it."""
    asked: bool
    """Whether the task's status was ever queried."""
    makes_song: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job in the bot's own books, which serve to match the others."""

    job_id: int
    interaction_id: int
    task_id: str | None
    state: str
    reason: str | None
    card_known: bool


@dataclass(frozen=True, kw_only=True)
class Books:
    """All audited data."""

    price: int
    kills: int
    """Number of killed processes."""
    requests: tuple[Request, ...]
    messages: tuple[Message, ...]
    posts: tuple[Payment, ...]
    rows: tuple[Row, ...]
    doctor_status: int
    doctor_said: str
    complaints: tuple[str, ...] = ()
    """Anomalies observed on the way: a process that exited by itself, a bug in its log, an unknown route."""


class Audit:
    """The audit of all books together."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.tasks = [post for post in books.posts if post.task_id is not None]
        """Paid requests that were accepted and charged."""
        self._rows = {row.interaction_id: row for row in books.rows}
        numbers = {request.interaction_id: request.number for request in books.requests}
        self._saved = {row.task_id: numbers.get(row.interaction_id, 0) for row in books.rows if row.task_id}
        """Task ids recorded by the bot, with the number of the request."""
        self._posts = _grouped((post.number, post) for post in books.posts)
        self._songs = _grouped((one.number, one) for one in books.messages if one.kind is Kind.SONG)
        self._notices = _grouped((one.number, one) for one in books.messages if one.kind is Kind.NOTICE)
        self._doctor = _DOCTOR.search(books.doctor_said)

    def violations(self) -> list[str]:
        """Return every violation, each as a sentence."""
        return [
            *self.books.complaints,
            *chain(
                self._of_payments(),
                self._of_known_tasks(),
                self._of_orphans(),
                self._of_messages(),
                self._of_requests(),
                self._of_the_ledger(),
            ),
        ]

    @property
    def orphans(self) -> list[Payment]:
        """Return charged tasks to which no job refers."""
        return [task for task in self.tasks if task.task_id not in self._saved]

    @property
    def _known(self) -> list[Payment]:
        """Tasks whose ids the bot must have received: it recorded them, or queried their status."""
        return [task for task in self.tasks if task.asked or task.task_id in self._saved]

    def _of_payments(self) -> Iterator[str]:
        for number, posts in self._posts.items():
            charged = [post.task_id for post in posts if post.task_id]
            if len(charged) > 1:
                yield f"song {number} was charged {len(charged)} times: {charged}"
            if any(post.given is not Given.BUSY for post in posts[:-1]):
                given = [post.given.value for post in posts]
                yield f"song {number} was posted again after an outcome that was no clear refusal: {given}"
            if any(post.given is Given.INVALID for post in posts):
                yield f"song {number} was posted in a way that is not documented"
        asked = {request.number for request in self.books.requests}
        for number in self._posts.keys() - asked:
            yield f"song {number} was paid for, and nobody asked for it"
        charged_ids = {task.task_id: task.number for task in self.tasks}
        for task_id, number in self._saved.items():
            if charged_ids.get(task_id) != number:
                yield f"song {number} has the task {task_id}, which the music service made for another or not"

    def _of_known_tasks(self) -> Iterator[str]:
        for task in self._known:
            if task.task_id not in self._saved:
                yield f"song {task.number}: its task {task.task_id} was asked about, and is no job's"
            came_to = len(self._messages_with(task)), len(self._notices.get(task.number, ()))
            if came_to != ((1, 0) if task.makes_song else (0, 1)):
                yield "song {}: its task {} came to {} songs and {} notices".format(
                    task.number, task.task_id, *came_to
                )

    def _of_orphans(self) -> Iterator[str]:
        reasons = {request.number: self._reason(request) for request in self.books.requests}
        for task in self.orphans:
            if reasons.get(task.number) != UNKNOWN:
                yield f"song {task.number}: charged, known by nobody, and told as {reasons.get(task.number)}"
        for number, reason in reasons.items():
            posts = self._posts.get(number)
            if reason != UNKNOWN or not posts:
                continue
            if posts[-1].given in (Given.TASK, Given.REFUSED) and not posts[-1].cut_off:
                yield f"song {number}: answered with {posts[-1].given}, and yet an unknown outcome"
        if len(self._unknown) > self._excused:
            yield f"{len(self._unknown)} unknown outcomes; kills and lost answers excuse {self._excused}"

    def _of_messages(self) -> Iterator[str]:
        for number, songs in self._songs.items():
            if len(songs) > 1:
                yield f"song {number} was posted {len(songs)} times: messages {[one.id for one in songs]}"
            if number in self._notices:
                yield f"song {number} was posted, and told as failed too"
        for number, notices in self._notices.items():
            if len(notices) > 1:
                yield f"song {number}: told as failed {len(notices)} times: {[one.id for one in notices]}"
        requests = {request.number: request for request in self.books.requests}
        for message in self.books.messages:
            request = requests.get(message.number)
            row = None if request is None else self._rows.get(request.interaction_id)
            if message.kind is Kind.OTHER or request is None:
                yield f"message {message.id} is about no request"
                continue
            if row is None or row.job_id != message.job_id:
                yield f"message {message.id}: its button names job {message.job_id}, another one"
            if message.channel_id != request.channel_id or message.pings != {request.member_id}:
                yield f"message {message.id} is in another channel, or for another member"
            if message.kind is Kind.SONG and {task.number for task in self._tasks_in(message)} != {
                message.number
            }:
                yield f"message {message.id} brings other files than those of song {message.number}"

    def _of_requests(self) -> Iterator[str]:
        for request in self.books.requests:
            number, row = request.number, self._rows.get(request.interaction_id)
            ends = len(self._songs.get(number, ())) + len(self._notices.get(number, ()))
            traces = ends + len(self._posts.get(number, ()))
            if request.answered is Answered.REFUSAL:
                if row is not None or traces:
                    yield f"song {number} was refused but became a job"
            elif row is None:
                if request.answered is Answered.CARD:
                    yield f"song {number} was promised, and is no job"
                elif traces:
                    yield f"song {number} is no job, and yet was paid for or told of"
            elif row.reason == WITHDRAWN:
                if traces or request.answered is Answered.CARD:
                    yield f"song {number} was withdrawn, and yet promised, paid for or told of"
            elif ends != 1:
                yield f"song {number} ({row.state}, {request.answered}) came to {ends} ends"

    def _of_the_ledger(self) -> Iterator[str]:
        if self.books.doctor_status != 0 or self._doctor is None:
            yield f"the doctor ({self.books.doctor_status}): {self.books.doctor_said}"
            return
        withdrawn = sum(row.reason == WITHDRAWN for row in self.books.rows)
        expected = (
            0,
            self.books.price * len(self._songs),
            self.books.price * (len(self._notices) + withdrawn),
        )
        found = tuple(map(int, self._doctor.groups()))
        if found != expected:
            yield f"held, settled and released are {found} credits; by the messages {expected}"

    def _tasks_in(self, message: Message) -> list[Payment]:
        return [task for task in self.tasks if task.task_id in message.task_ids]

    def _messages_with(self, task: Payment) -> list[Message]:
        return [one for one in self._songs.get(task.number, ()) if task.task_id in one.task_ids]

    def _reason(self, request: Request) -> str | None:
        row = self._rows.get(request.interaction_id)
        return None if row is None else row.reason

    @property
    def _unknown(self) -> list[Row]:
        return [row for row in self.books.rows if row.reason == UNKNOWN]

    @property
    def _excused(self) -> int:
        return FLIGHTS_MAX * self.books.kills + self._count(Given.LOST) + self._count(Given.ERROR)

    def _count(self, given: Given) -> int:
        return sum(post.given is given for post in self.books.posts)

    def totals(self) -> dict[str, int | str]:
        """The table: event counts, and counts that must be 0."""
        answered = Counter(request.answered for request in self.books.requests)
        silent = [one for one in self.books.requests if one.answered is Answered.NOTHING]
        cards = [one for one in self.books.requests if one.answered is Answered.CARD]
        behind = [one for one in cards if not one.card_has_ended]
        never_known = [one for one in behind if not self._card_known(one)]
        charged = {task.number for task in self.tasks}
        lost_to_kills = [task for task in self.orphans if task.given is not Given.LOST]
        to_come = [task for task in self._known if task.makes_song]
        return {
            "requests": len(self.books.requests),
            "  promised with a card": answered[Answered.CARD],
            "  refused": answered[Answered.REFUSAL],
            "  not answered": len(silent),
            "    never taken": sum(one.interaction_id not in self._rows for one in silent),
            "    withdrawn": sum(self._reason(one) == WITHDRAWN for one in silent),
            "paid requests": len(self.books.posts),
            "  answered busy": self._count(Given.BUSY),
            "  refused, or answered with an error": self._count(Given.REFUSED) + self._count(Given.ERROR),
            "  taken and charged": len(self.tasks),
            "songs posted": len(self._songs),
            "failures told": len(self._notices),
            "unknown outcomes": len(self._unknown),
            "  charged, the answer lost": len(self.orphans) - len(lost_to_kills),
            "  charged, the bot killed": len(lost_to_kills),
            "  not charged": len(self._unknown) - len(self.orphans),
            "cards that show no end": len(behind),
            "  never written down": len(never_known),
            "EXTRA CHARGES": len(self.tasks) - len(charged),
            "POSTED TWICE": sum(len(songs) - 1 for songs in self._songs.values()),
            "TOLD TWICE": sum(len(notices) - 1 for notices in self._notices.values()),
            "KNOWN SONGS LOST": sum(not self._messages_with(task) for task in to_come),
            "books": self.books.doctor_said,
        }

    def _card_known(self, request: Request) -> bool:
        row = self._rows.get(request.interaction_id)
        return row is not None and row.card_known


def _grouped(pairs: Iterable[tuple[int, T]]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)
