"""The contracts that the sandbox speaks: one line for each music service."""

from collections.abc import Mapping
from typing import Final

from bot.model import Backend
from bot.sandbox.kie import KieSandbox
from bot.sandbox.server import Sandbox

SANDBOXES: Final[Mapping[Backend, type[Sandbox]]] = {
    Backend.SSEEDANCE: Sandbox,
    Backend.KIE: KieSandbox,
}
