"""The image, the Compose file and the systemd unit give the bot the same environment."""

import re

import yaml

from bot import threads
from bot.pipeline.runner import FINISH_WITHIN_S
from bot.ui.discord_connection import CLOSE_WITHIN_S
from tests.flows.process import ROOT
from tests.image.dockerfile import last_stage

STAGE = last_stage(ROOT / "Dockerfile")
SHARDS = 25
NEEDED_S = FINISH_WITHIN_S + CLOSE_WITHIN_S
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
FLEET = yaml.safe_load((ROOT / "compose.fleet.yaml").read_text("utf-8"))
UNIT = (ROOT / "deploy" / "tunesmith.service").read_text("utf-8")


def test_the_image_runs_the_bot_as_nobody_in_its_volume() -> None:
    assert ("tunesmith", "run") == STAGE.command
    assert (True, True) == (STAGE.uid > 0, STAGE.gid > 0)
    assert "/data" == STAGE.volume == STAGE.folder
    assert ("sqlite:////data/tunesmith.db", "/data/spool") == (
        STAGE.env["DATABASE_URL"],
        STAGE.env["SPOOL_DIR"],
    )


def test_the_image_asks_the_bot_itself_and_imports_nothing_from_its_volume() -> None:
    assert ("python", "-P", "-m", "bot.ops.probe") == STAGE.health


def test_the_image_has_a_supported_python() -> None:
    wanted = re.findall(r'requires-python = ">=([0-9.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"))

    assert [int(part) for part in wanted[0].split(".")] <= [int(part) for part in STAGE.python.split(".")]


def test_every_deployment_allows_time_to_stop_and_sends_its_signal() -> None:
    compose, unit = (
        re.findall(r"^ *stop_grace_period: (\d+)s$", COMPOSE, re.MULTILINE),
        re.findall(r"^TimeoutStopSec=(\d+)s$", UNIT, re.MULTILINE),
    )

    assert [True, True] == [float(found[0]) > NEEDED_S for found in (compose, unit)]
    assert ["SIGTERM"] * 3 == [
        STAGE.stop_signal,
        *re.findall(r"^ *stop_signal: (\S+)$", COMPOSE, re.MULTILINE),
        *re.findall(r"^KillSignal=(\S+)$", UNIT, re.MULTILINE),
    ]


def test_the_composition_runs_the_bot_as_the_image_does() -> None:
    assert f'user: "{STAGE.uid}:{STAGE.gid}"' in COMPOSE
    for name in ("DATABASE_URL", "SPOOL_DIR"):
        assert f"{name}: {STAGE.env[name]}\n" in COMPOSE


def test_the_composition_runs_on_one_cpu_and_has_threads_for_25_shards() -> None:
    """Docker refuses more CPUs than the machine has."""
    (limit,) = re.findall(r"^ *pids_limit: (\d+)$", COMPOSE, re.MULTILINE)
    pools = threads.REPORTS + threads.SPOOL_FILES + 2 * threads.ATTACHMENTS + threads.NAMES
    asyncio_default, connections, init_and_main = 36, 3, 2

    assert ["1.0"] == re.findall(r"^ *cpus: (.*)", COMPOSE, re.MULTILINE)
    assert int(limit) >= SHARDS + pools + asyncio_default + connections + init_and_main
    assert COMPOSE == (ROOT / "bot" / "templates" / "compose.yaml").read_text("utf-8")


def test_the_fleet_has_two_slots_and_a_standby_on_postgresql() -> None:
    bots, server = FLEET["services"]["tunesmith"], FLEET["services"]["postgres"]

    assert int(bots["environment"]["PROCESSES"]) + 1 == bots["deploy"]["replicas"]
    assert bots["environment"]["DATABASE_URL"].startswith("postgresql://tunesmith:${DATABASE_PASSWORD:?")
    assert bots["environment"]["DATABASE_URL"].endswith("@postgres/tunesmith")
    assert ("tunesmith", "tunesmith") == (
        server["environment"]["POSTGRES_USER"],
        server["environment"]["POSTGRES_DB"],
    )
    assert "service_healthy" == bots["depends_on"]["postgres"]["condition"]


def test_the_fleets_bots_are_confined_like_the_compositions_bot() -> None:
    alone, bot = yaml.safe_load(COMPOSE)["services"]["tunesmith"], FLEET["services"]["tunesmith"]
    of_the_fleet = {"environment", "volumes", "depends_on", "deploy", "networks"}

    assert {name: value for name, value in alone.items() if name not in of_the_fleet} == {
        name: value for name, value in bot.items() if name not in of_the_fleet
    }
    assert [f"spool:{STAGE.volume}"] == bot["volumes"]
    assert bot["environment"]["SPOOL_DIR"].startswith(f"{STAGE.volume}/")


def test_only_the_bots_reach_the_fleets_database() -> None:
    server = FLEET["services"]["postgres"]

    assert {"internal": True} == FLEET["networks"]["database"]
    assert ["database"] == server["networks"]
    assert "ports" not in server
    assert ["ALL"] == server["cap_drop"]
