"""Results of checks of an installation, as ``doctor`` and ``init`` print them."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """The verdict of an installation check."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Check(Struct, frozen=True, kw_only=True):
    """The result of one check of the installation: one line that says what to do."""

    verdict: Verdict
    name: str
    finding: str
