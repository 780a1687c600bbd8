"""The dashboard and the alerts in deploy/ match the metrics of the running bot, and promtool accepts them."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.process import World
from tests.flows.test_run_watched import ANYWHERE, watched
from tests.rules.documents import ROOT
from tests.rules.test_docs import anchors

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
CASES = ROOT / "tests" / "monitoring" / "alerts_test.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "tunesmith.json"
PAGE = ROOT / "docs" / "monitoring.md"
SUFFIXES = re.compile(r"_(?:bucket|count|sum)$")
METRIC = re.compile(r"\b(?:tunesmith|process)_\w+")
WITHIN_S = 60.0


def documented() -> set[str]:
    rows = re.findall(r"^\| `(\w+)(?:\{\w+\})?` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return set(rows)


def metrics_of(text: str) -> set[str]:
    return {SUFFIXES.sub("", name) for name in METRIC.findall(text)}


def of_dashboard(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every query of the dashboard."""
    if isinstance(value, dict):
        if "expr" in value:
            yield value["expr"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from of_dashboard(one)


def alerts() -> list[str]:
    return re.findall(r"^ +- alert: (\w+)$", ALERTS.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def promtool() -> str:
    """Return the program; CI, which sets PROMTOOL=required, must have it."""
    found = shutil.which("promtool")
    if found is None and os.environ.get("PROMTOOL") != "required":
        pytest.skip("promtool is not installed; on Debian and Ubuntu it is in the package prometheus")
    assert found is not None
    return found


def checked(promtool: str, *arguments: str, given: str = "") -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - a fixed program on our own files
        [promtool, *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        cwd=ROOT,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


# -- with promtool


async def test_promtool_accepts_the_metrics_of_a_running_bot(promtool: str, tmp_path: Path) -> None:
    async with (
        World.open(tmp_path) as world,
        world.bot(HTTP_LISTEN=ANYWHERE) as bot,
        watched(bot) as client,
    ):
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="Counted", user=ada, channel=channel)
        await world.next_post(channel)
        await bot.until_said("song ended")
        async with client.get("/metrics") as answer:
            scraped = await answer.text()
    status, said = checked(promtool, "check", "metrics", given=scraped)

    assert (0, "") == (status, said)
    of_kie_alone = {name for name in documented() if "upstream" in name or name.endswith("_sold")}
    assert set() == documented() - of_kie_alone - metrics_of(scraped)


def test_promtool_accepts_the_rules(promtool: str) -> None:
    status, said = checked(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(ALERTS))

    assert (0, True) == (status, f"SUCCESS: {len(alerts())} rules found" in said), said


def test_the_alerts_fire_when_they_should_and_only_then(promtool: str) -> None:
    status, said = checked(promtool, "test", "rules", str(CASES))

    assert 0 == status, said


def test_the_tests_of_the_alerts_notice_a_wrong_threshold(promtool: str, tmp_path: Path) -> None:
    """The cases fail for every alert whose comparison is changed."""
    text = ALERTS.read_text("utf-8")
    unnoticed = []
    for name in alerts():
        start = text.index(f"- alert: {name}\n")
        end = text.index("annotations:", start)
        broken = re.sub(r"(==|>=|>) (?=[\d(])", "!= 12345 + ", text[start:end], count=1)
        broken = broken if broken != text[start:end] else re.sub(r" > ", " < ", text[start:end], count=1)
        assert broken != text[start:end], name
        (tmp_path / "alerts.yml").write_text(text[:start] + broken + text[end:], "utf-8")
        cases = CASES.read_text("utf-8").replace("../../deploy/prometheus/alerts.yml", "alerts.yml")
        (tmp_path / "cases.yml").write_text(cases, "utf-8")
        if checked(promtool, "test", "rules", str(tmp_path / "cases.yml"))[0] == 0:
            unnoticed.append(name)

    assert [] == unnoticed


# -- without it


def test_the_dashboard_shows_each_metric_of_the_book_and_no_other() -> None:
    shown = set.union(*map(metrics_of, of_dashboard(json.loads(DASHBOARD.read_text("utf-8")))))

    assert documented() - {"process_"} == {name for name in shown if not name.startswith("process_")}
    assert any(name.startswith("process_") for name in shown)


def test_each_alert_is_about_a_metric_of_the_book() -> None:
    expressions = re.sub(r"^.*runbook_url.*$", "", ALERTS.read_text("utf-8"), flags=re.MULTILINE)

    assert set() == {name for name in metrics_of(expressions) if name.startswith("tunesmith_")} - documented()


def test_each_alert_is_tested_when_it_fires_and_when_it_does_not() -> None:
    cases = CASES.read_text("utf-8")

    for name in alerts():
        assert re.search(rf"alertname: {name}\n +exp_alerts:\n", cases), name
        assert re.search(rf"alertname: {name}\n +exp_alerts: \[\]", cases), name


def test_each_alert_links_to_its_section_of_the_book() -> None:
    links = re.findall(r"runbook_url: (\S+)", ALERTS.read_text("utf-8"))
    base = "https://github.com/tunesmith-bot/tunesmith/blob/main/docs/monitoring.md#"

    assert [base + name.lower() for name in alerts()] == links
    assert set() == {name.lower() for name in alerts()} - anchors(PAGE)


def test_no_panel_of_the_dashboard_is_without_a_title_or_overlaps_another() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert [] == [panel["id"] for panel in panels if not panel["title"]]
    assert len(cells) == len(set(cells))
    assert len(panels) == len({panel["id"] for panel in panels})
