"""The operator's terms for new songs: what is offered, at which price, and within which bounds."""

from msgspec import Struct
from msgspec.structs import replace

from bot.model import Backend, Option, SongRequest
from bot.music.contract import LyricsDrafts
from bot.refusals import NoDuration, OptionsNotTaken
from bot.store import ledger, servers


class Terms(Struct, frozen=True, kw_only=True):
    """The operator's settings for new songs."""

    backend: Backend
    """The music service that makes new songs."""
    models: tuple[str, ...]
    """The offered models, the default first."""
    price_credits: int
    open_per_member: int
    open_per_guild: int
    defaults: ledger.Defaults
    server_policy: servers.ServerPolicy = servers.SERVE_ALL
    total_credits_max: int | None = None
    """Maximum credits of all servers together per calendar month; None: no limit."""
    extras: bool = False
    """Whether members may exclude styles and choose the singer."""
    extras_with_prompt: bool = True
    """Whether ``extras`` also apply to songs from a prompt; a service may accept them in custom mode only."""

    lyrics: LyricsDrafts | None = None
    """How lyrics are written for members, if the operator allows it and the service supports it."""

    duration_models: frozenset[str] = frozenset()
    """The offered models that let members choose a custom song's length."""

    def not_taken(self, request: SongRequest) -> tuple[Option, ...]:
        """Return the requested options that are unavailable for this song."""
        extras = self.extras and (request.custom or self.extras_with_prompt)
        voice = request.voice is not None and not request.instrumental
        taken = {
            Option.AVOID: extras or not request.avoid,
            Option.VOICE: not voice or (extras and request.custom),
            Option.DURATION: request.duration_s is None
            or (request.custom and request.model in self.duration_models),
        }
        return tuple(option for option in Option if not taken[option])

    def require_options(self, request: SongRequest) -> None:
        """Check that the song can have every requested option; none is ever ignored.

        Raises:
            NoDuration: its length can't be chosen, though other models may allow it.
            OptionsNotTaken: the song can't have these options.
        """
        match self.not_taken(request):
            case ():
                return
            case (Option.DURATION,):
                offered = self.duration_models
                raise NoDuration(tuple(model for model in self.models if model in offered))
            case options:
                raise OptionsNotTaken(options)

    def on_offer(self, request: SongRequest) -> SongRequest:
        """Return a stored request with a model on offer.

        ``require_options`` checks its options.
        """
        return request if request.model in self.models else replace(request, model=self.models[0])
