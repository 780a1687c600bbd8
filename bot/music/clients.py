"""The music services the operator has keys for: one for new songs, all for songs already submitted."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from bot.model import Backend, Job, SongRequest
from bot.music import backends
from bot.music.client import MusicClient


class MusicClients(Struct, frozen=True, kw_only=True):
    """A client of each music service whose key is set.

    A request is only ever sent to the chosen service: after an unknown outcome, trying another one could
    charge the operator twice.
    """

    backend: Backend
    """The service that makes new songs; it always has a client."""
    clients: Mapping[Backend, MusicClient]
    models: tuple[str, ...]
    """The models offered to members for new songs; the first is the default."""

    @property
    def chosen(self) -> MusicClient:
        """The client of the service that makes new songs."""
        return self.clients[self.backend]

    def of(self, job: Job) -> MusicClient | None:
        """Return the client of the job's service, or None if its key is not set."""
        return None if job.backend is None else self.clients.get(job.backend)

    def on_sale(self, request: SongRequest) -> SongRequest:
        """Return the request, with the chosen service's model in place of another's.

        A model that no known service has stays: the operator chose it.
        """
        if request.model in self.models or _has(self.backend, request.model):
            return request
        if any(_has(backend, request.model) for backend in backends.OFFERS):
            return replace(request, model=self.models[0])
        return request


def _has(backend: Backend, model: str) -> bool:
    """Return whether a service sells the model, or once did."""
    its = backends.plain_contract(backend)
    return model in its.models or model in its.retired_models
