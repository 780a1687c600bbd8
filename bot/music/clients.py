"""The music services that the operator has keys for: one for new songs, all for those already submitted."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.model import Backend, Job
from bot.music.client import MusicClient


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicClients:
    """A client of each music service whose key is set.

    A request is only ever sent to the chosen service: after an unknown outcome, trying another one could
    be a second charge.
    """

    backend: Backend
    """The service that makes new songs; its client is always there."""
    clients: Mapping[Backend, MusicClient]

    @property
    def chosen(self) -> MusicClient:
        """The client of the service that makes new songs."""
        return self.clients[self.backend]

    def of(self, job: Job) -> MusicClient | None:
        """Return the client of the service that has the job's task, or None if its key is not set."""
        return None if job.backend is None else self.clients.get(job.backend)
