"""The three kinds of error, by who can act.

    TunesmithError
    ├── Refusal             one class for each reason, in ``refusals.py``
    ├── Transient
    │   └── StoreBusy
    │       └── StoreLost
    └── Fault
        ├── StartRefused
        │   └── AlreadyRuns
        ├── NotDone
        └── Unauthorized

The sentences for members are in ``ui/``; an error carries what they need.
"""


class TunesmithError(Exception):
    """Base class of all errors that this project raises."""


class Refusal(TunesmithError):
    """The member can act. Nothing was held and nothing was posted."""


class Transient(TunesmithError):
    """Nobody has to act: worth another attempt after ``retry_after_s`` seconds."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreBusy(Transient):
    """The database stayed locked longer than a member can wait; nothing was written."""


class StoreLost(StoreBusy):
    """This process has lost the database: nothing was written, and the process is about to end."""


class Fault(TunesmithError):
    """Only the operator can act."""


class StartRefused(Fault):
    """The bot can't start. The message is one sentence that names what to change, without secrets."""


class AlreadyRuns(StartRefused):
    """Another process is using the database."""


class NotDone(Fault):
    """An operator action was refused. The message is one sentence without secrets."""


class Unauthorized(Fault):
    """The music service no longer accepts the key."""
