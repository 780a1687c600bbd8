"""The release pipeline: pinned versions, notes from the changelog, templates that ask for the doctor."""

import importlib.util
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.rules.documents import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
RELEASE = GITHUB / "workflows" / "release.yml"
LOCAL = "./.github/workflows/"
CHANGELOG = """# Changelog

## Unreleased

- Later.

## 1.2.0 - 2026-01-02

### Added

- A thing.

## 1.2.0.1 - 2025-01-02

## 1.1.0 - 2025-01-01

- Older.
"""


@pytest.fixture(scope="module")
def notes() -> Callable[[str, str, str], str]:
    spec = importlib.util.spec_from_file_location("release_notes", ROOT / ".ci" / "release_notes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[str, str, str], str] = module.notes
    return found


def used(path: Path) -> list[str]:
    return re.findall(r"^ +(?:- )?uses: (.+)$", path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_digest_with_its_version_next_to_it(workflow: Path) -> None:
    form = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

    assert [] == [use for use in used(workflow) if not use.startswith(LOCAL) and not form.fullmatch(use)]


def test_one_action_has_one_digest_everywhere() -> None:
    pins = {use.partition(" ")[0] for workflow in WORKFLOWS for use in used(workflow)}
    actions = [pin.partition("@")[0] for pin in pins]

    assert len(set(actions)) == len(actions)


def test_every_base_image_is_pinned_by_the_same_digest() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)

    assert 1 == len(set(bases))
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", bases[0])


def test_the_build_tools_are_locked_by_hash_and_match_the_project() -> None:
    lock = (ROOT / "requirements-build.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = {re.split(r"[<>=]", name)[0] for name in project["build-system"]["requires"]}
    locked = re.findall(r"^([\w.-]+)==\S+", lock, re.MULTILINE)

    assert needed | {"build"} <= set(locked)
    assert [] == [
        part for part in re.split(r"^(?=\S)", lock, flags=re.MULTILINE) if part and "--hash" not in part
    ]
    for path in (ROOT / "Dockerfile", RELEASE, ROOT / ".ci" / "run"):
        assert re.search(r"--require-hashes .*requirements-build\.lock", path.read_text("utf-8")), path


def test_nothing_is_published_before_the_tests_have_passed() -> None:
    jobs = yaml.safe_load(RELEASE.read_text("utf-8"))["jobs"]

    def waits_for(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct | {one for need in direct for one in waits_for(need)}

    assert {"tests", "distributions", "image", "pypi", "github"} == set(jobs)
    assert [] == [name for name in jobs if name != "tests" and "tests" not in waits_for(name)]
    assert {"distributions", "image"} <= waits_for("github") & waits_for("pypi")


def test_no_job_of_a_release_has_more_permissions_than_declared() -> None:
    release = yaml.safe_load(RELEASE.read_text("utf-8"))

    assert {} == release["permissions"]
    assert {"contents": "write"} == release["jobs"]["github"]["permissions"]
    assert {"id-token": "write"} == release["jobs"]["pypi"]["permissions"]
    assert [] == [name for name, job in release["jobs"].items() if "permissions" not in job]


def test_the_image_has_two_architectures_sbom_provenance_and_signature() -> None:
    steps = yaml.safe_load(RELEASE.read_text("utf-8"))["jobs"]["image"]["steps"]
    (build,) = [step["with"] for step in steps if "build-push-action" in step.get("uses", "")]

    assert ("linux/amd64,linux/arm64", True, "mode=max") == (
        *(build["platforms"], build["sbom"]),
        build["provenance"],
    )
    assert any("cosign sign --yes" in step.get("run", "") and "@${DIGEST}" in step["run"] for step in steps)


# -- notes


def test_the_notes_are_the_section_of_the_version(notes: Callable[[str, str, str], str]) -> None:
    assert "### Added\n\n- A thing.\n" == notes("v1.2.0", CHANGELOG, "1.2.0")


@pytest.mark.parametrize(
    ("tag", "version", "sentence"),
    [
        ("v1.3.0", "1.2.0", "The tag is v1.3.0, but pyproject.toml has version 1.2.0."),
        ("1.2.0", "1.2.0", "The tag is 1.2.0, but pyproject.toml has version 1.2.0."),
        ("v1.2.0.1", "1.2.0.1", "CHANGELOG.md has no section about 1.2.0.1, or an empty one."),
        ("v1.0.0", "1.0.0", "CHANGELOG.md has no section about 1.0.0, or an empty one."),
    ],
)
def test_a_release_without_notes_or_of_another_version_fails(
    notes: Callable[[str, str, str], str], tag: str, version: str, sentence: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        notes(tag, CHANGELOG, version)

    assert sentence == stopped.value.code


def test_this_changelog_has_notes_for_this_version(notes: Callable[[str, str, str], str]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

    assert notes(f"v{version}", (ROOT / "CHANGELOG.md").read_text("utf-8"), version)


# -- templates and renewal


def test_templates_for_reports_and_changes_ask_for_the_doctors_output() -> None:
    bug = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8"))
    required = {
        field["attributes"]["label"]
        for field in bug["body"]
        if field.get("validations", {}).get("required", False)
    }

    assert {"tunesmith doctor", "tunesmith --version"} <= required
    assert "tunesmith doctor" in (GITHUB / "pull_request_template.md").read_text("utf-8")


def test_everything_pinned_is_renewed() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]

    assert {"github-actions", "docker", "pip"} == {update["package-ecosystem"] for update in updates}


def test_ci_lints_the_workflows() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")

    assert ["actionlint", "zizmor"] == re.findall(
        r"^ *uv run .* (actionlint|zizmor) (?:\.github|--)", script, re.MULTILINE
    )
