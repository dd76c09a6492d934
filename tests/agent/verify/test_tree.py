"""Folders that code under test has changed: whatever is there, reading and removing them ends well."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from moot.agent.core.folders import remove
from moot.agent.verify.built import BuiltModules
from moot.agent.verify.folder import report_folder
from moot.agent.verify.tree import Tree

DEEP = 1_000


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a thousand below each other, deeper than Python recurses."""
    top = tmp_path / "deep"
    nest(top)
    yield top
    remove(top)


def nest(top: Path) -> None:
    place = f"{top}"
    for _ in range(DEEP):
        Path(place).mkdir()
        place += "/d"


def test_a_folder_in_place_of_a_file_is_nothing_and_leaks_nothing(tmp_path):
    (tmp_path / "report.xml").mkdir()
    (tmp_path / "other.xml").write_text("there")
    with ExitStack() as stack:
        tree = Tree.open(tmp_path, stack)
        before = len(list(Path("/proc/self/fd").iterdir()))
        assert tree.read("report.xml") == b""
        assert tree.read("other.xml") == b"there"
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_deep_folder_is_removed(deep):
    remove(deep)
    assert not deep.exists()


def test_a_deep_folder_among_reports_is_removed(tmp_path):
    with report_folder(tmp_path) as place:
        nest(place / "deep")
    assert not place.exists()


def test_a_link_in_place_of_the_reports_is_removed_alone(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    with report_folder(tmp_path) as place:
        place.rmdir()
        place.symlink_to(kept)
    assert not os.path.lexists(place)
    assert (kept / "file").exists()


def test_extension_modules_are_looked_for_in_a_deep_tree(deep, tmp_path):
    """And found above it."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "m.so").write_bytes(b"module")
    with ExitStack() as stack:
        tree = Tree.open(deep, stack)
        assert BuiltModules(tmp_path / "root").take_along(deep, tree) == ""
    assert (deep / "m.so").read_bytes() == b"module"


def test_an_extension_module_that_the_user_removes_meanwhile_is_not_missed(tmp_path):
    """As `make clean` does during a run."""
    for name in ("root", "work"):
        (tmp_path / name).mkdir()
    module = tmp_path / "root" / "m.so"
    module.write_bytes(b"module")
    built = BuiltModules(tmp_path / "root")
    with ExitStack() as stack:
        tree = Tree.open(tmp_path / "work", stack)
        assert len(built.facts(tmp_path / "work", tree)) == 1
        module.unlink()
        assert built.facts(tmp_path / "work", tree) == []
        assert built.take_along(tmp_path / "work", tree) == ""
