"""Folders owned by another user, as bind mounts often are, and files private to the bot's user."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import app
from bot.database.exclusive_lock import exclusive_lock
from bot.errors import StartRefused
from bot.owners import correction, make_private

BOT = 10001
"""User id of the image."""
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def mounted() -> Iterator[Path]:
    """A folder of root's that everybody may read, while this process runs as the image's user."""
    folder = Path(tempfile.mkdtemp(prefix="tunesmith-owners-"))
    folder.chmod(0o755)
    os.setegid(BOT)
    os.seteuid(BOT)
    yield folder
    os.seteuid(0)
    os.setegid(0)
    shutil.rmtree(folder)


def refusal(path: Path) -> str:
    with pytest.raises(StartRefused) as refused, exclusive_lock(path):
        pass
    return str(refused.value)


def owned_by_root(path: Path) -> str:
    return (
        f"{path} belongs to user 0 and the bot runs as user 10001: give it to the bot with "
        "`chown -R 10001:10001 FOLDER`, where FOLDER is its path on the host if it is mounted."
    )


@NEEDS_ROOT
@pytest.mark.parametrize("name", ["tunesmith.db", "data/tunesmith.db"])
def test_a_database_in_the_folder_of_another_user_names_both(name: str, mounted: Path) -> None:
    said = refusal(mounted / name)

    assert said.startswith(f"DATABASE_URL: {mounted / name} can't be ")
    assert said.endswith(owned_by_root(mounted))


@NEEDS_ROOT
def test_a_database_of_another_user_is_named(mounted: Path) -> None:
    os.seteuid(0)
    (mounted / "tunesmith.db").touch(0o644)
    os.chown(mounted, BOT, BOT)
    os.seteuid(BOT)

    assert refusal(mounted / "tunesmith.db").endswith(owned_by_root(mounted / "tunesmith.db"))


@NEEDS_ROOT
@pytest.mark.parametrize("name", ["", "spool"])
def test_a_spool_of_another_user_is_refused(name: str, mounted: Path) -> None:
    with pytest.raises(StartRefused) as refused:
        app._prepare(mounted / name)

    assert str(refused.value).startswith(f"SPOOL_DIR: {mounted / name} can't be ")
    assert str(refused.value).endswith(owned_by_root(mounted))


def test_the_bots_own_folder_gets_other_advice(tmp_path: Path) -> None:
    assert "otherwise" == correction(tmp_path / "a" / "b", "otherwise")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert "otherwise" == correction(tmp_path / "nowhere", "otherwise")


def test_database_and_spool_are_private(tmp_path: Path) -> None:
    database, spool = tmp_path / "tunesmith.db", tmp_path / "spool"
    database.touch()
    database.chmod(0o644)
    spool.mkdir()
    spool.chmod(0o755)

    with exclusive_lock(database):
        app._prepare(spool)

    assert (0o600, 0o700) == tuple(stat.S_IMODE(path.stat().st_mode) for path in (database, spool))


def test_a_file_that_is_already_private_is_not_touched(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.touch(0o400)
    private.chmod(0o400)
    make_private(private)

    assert 0o400 == stat.S_IMODE(private.stat().st_mode)
