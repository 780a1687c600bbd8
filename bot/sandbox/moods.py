"""How a mood that a request names changes the style of the music."""

from dataclasses import dataclass, replace

from bot.sandbox.styles import Style


@dataclass(frozen=True)
class Mood:
    """Changes of tempo, mode and sound; several moods combine."""

    modes: tuple[str, ...] = ()
    """Modes in place of the style's, unless empty."""
    tempo: float = 1.0
    """Factor on the tempo."""
    brightness: float = 1.0
    """Factor on the brightness."""
    reverb: float = 0.0
    """Amount added to the reverb."""
    calm: bool = False
    """Whether the melody moves in quarters rather than eighths."""

    def applied_to(self, style: Style) -> Style:
        """Return the style in this mood."""
        slowest, fastest = style.tempo_bpm
        return replace(
            style,
            modes=self.modes or style.modes,
            tempo_bpm=(round(slowest * self.tempo), round(fastest * self.tempo)),
            brightness=style.brightness * self.brightness,
            reverb=min(0.6, style.reverb + self.reverb),
            lively=style.lively and not self.calm,
        )
