"""The container as described by the last stage of a Dockerfile."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Settings of the container."""

    python: str
    """The version of the base image."""
    env: dict[str, str]
    uid: int
    gid: int
    folder: str
    volume: str
    stop_signal: str
    command: tuple[str, ...]
    health: tuple[str, ...]


def last_stage(path: Path) -> Stage:
    """Return the last stage; missing instructions are an error."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE))
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    begins = max(at for at, (word, _) in enumerate(lines) if word == "FROM")
    (base,) = re.findall(r"^python:([0-9.]+)-slim@sha256:[0-9a-f]{64}$", lines[begins][1])
    found = dict(line for line in lines[begins:] if line[0] not in ("ENV", "RUN", "COPY"))
    env = dict(
        word.split("=", 1) for name, rest in lines[begins:] if name == "ENV" for word in shlex.split(rest)
    )
    uid, gid = found["USER"].split(":")
    (health,) = re.findall(r"CMD (\[.*\])", found["HEALTHCHECK"])
    return Stage(
        python=base,
        env=env,
        uid=int(uid),
        gid=int(gid),
        folder=found["WORKDIR"],
        volume=found["VOLUME"],
        stop_signal=found["STOPSIGNAL"],
        command=(*json.loads(found["ENTRYPOINT"]), *json.loads(found["CMD"])),
        health=tuple(json.loads(health)),
    )


def of_config(config: dict[str, Any], *, python: str) -> Stage:
    """Return the stage described by the configuration of a built image, in Docker's form."""
    uid, gid = config["User"].split(":")
    (volume,) = config["Volumes"]
    kind, *health = config["Healthcheck"]["Test"]
    assert "CMD" == kind
    return Stage(
        python=python,
        env=dict(one.split("=", 1) for one in config["Env"]),
        uid=int(uid),
        gid=int(gid),
        folder=config["WorkingDir"],
        volume=volume,
        stop_signal=config["StopSignal"],
        command=(*config["Entrypoint"], *config["Cmd"]),
        health=tuple(health),
    )
