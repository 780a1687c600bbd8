"""The tasks of a sandbox: what was asked for, and how far it is."""

from dataclasses import dataclass, field

from bot.sandbox.faults import ENDINGS, FaultKind

TAKES = 2


@dataclass
class Task:
    """A generation task as the service stores it."""

    id: str
    provider: str
    model: str
    prompt: str
    words: str
    """The text that determines the music."""
    lyrics: str
    title: str
    instrumental: bool
    kinds: frozenset[FaultKind]
    created_s: float
    """Creation time on the sandbox's clock."""
    delay_s: float
    """Seconds from creation to completion, unless composing takes longer."""
    empty_polls: int = 0
    """Number of successful polls still to answer without URLs."""
    outdated_polls: int = 0
    """Number of successful polls still to answer with dead addresses."""
    downloaded: set[int] = field(default_factory=set)
    """Takes that have been downloaded."""
    lengths_s: dict[int, float] = field(default_factory=dict)
    """Length of each composed take in seconds."""
    version: int = 0
    """Number of earlier kept tasks with the same request: each has music of its own."""
    queried: bool = False
    """Whether its status has been queried before. kie.ai does not know a new task immediately."""

    @property
    def music(self) -> tuple[str, str, str, bool]:
        """Return the texts that determine the music, besides the version and the take."""
        return self.words, self.lyrics, self.title, self.instrumental

    @property
    def takes(self) -> int:
        """The number of songs that the task produces."""
        if self.kinds & ENDINGS.keys():
            return 0
        return 1 if FaultKind.ONE_TAKE in self.kinds else TAKES
