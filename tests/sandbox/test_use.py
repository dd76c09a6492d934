"""What counts a command's use: the watchdog and control groups, on folders of our own."""

import pytest

from moot.agent.core.folders import remove
from moot.sandbox.cgroup import Cgroup


def test_processes_are_moved_into_the_groups_of_all_controllers(tmp_path):
    """Version 1 has a folder for each."""
    group = Cgroup(tmp_path / "memory", tmp_path / "pids")
    for folder in (group.memory, group.pids):
        folder.mkdir()
        (folder / "cgroup.procs").touch()
    group.adopt(pid for pid in [12])
    assert [(folder / "cgroup.procs").read_text() for folder in (group.memory, group.pids)] == ["12", "12"]


@pytest.mark.parametrize("mode", [0o700, 0o000, 0o300])
def test_a_deep_folder_is_removed(tmp_path, mode):
    top = tmp_path / "deep"
    places = [f"{top}{'/d' * depth}" for depth in range(1_000)]
    for place in places:
        (tmp_path / place).mkdir()
    (tmp_path / places[-1]).chmod(mode)
    top.chmod(mode)
    remove(top)
    assert not top.exists()
