"""A short campaign of kills. For a long one: ``python -m tests.campaign --help``."""

from pathlib import Path

from tests.campaign.campaign import Campaign, Size

SHORT = Size(kills=5, requests=12, members=4, think_s=0.5, life_s=1.5, quiet_s=60.0, cards=False)
"""Small enough for the service to accept all requests at once, so that none waits at the end."""


async def test_a_bot_killed_repeatedly_loses_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    report = await Campaign(tmp_path, 20, SHORT).run()

    assert [] == report.violations
    assert 5 == report.totals["KILLS"]
    assert report.totals["paid requests"]
