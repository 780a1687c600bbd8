"""The output of ``tunesmith --version``."""

import re

from typer.testing import CliRunner

from bot.cli import cli
from bot.ops.version import _commit_of_url


def test_the_version_is_shown_with_the_commit_if_known() -> None:
    result = CliRunner().invoke(cli, ["--version"])

    assert 0 == result.exit_code
    assert re.fullmatch(r"tunesmith \d+\.\d+\.\d+( \([0-9a-f]{12}\))?\n", result.output)


def test_the_commit_of_an_installation_from_git_is_known() -> None:
    assert "4f00ba" == _commit_of_url('{"url": "x", "vcs_info": {"vcs": "git", "commit_id": "4f00ba"}}')
    assert "" == _commit_of_url("{}")
    assert "" == _commit_of_url('{"url": "file:///x", "dir_info": {"editable": true}}')


def test_the_shell_can_complete_commands() -> None:
    env = {"_TUNESMITH_COMPLETE": "complete_bash", "COMP_WORDS": "tunesmith rest", "COMP_CWORD": "1"}

    assert "restore" in CliRunner().invoke(cli, [], prog_name="tunesmith", env=env).output
