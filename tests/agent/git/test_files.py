"""Files below a folder: what cannot be read is as if it were not there."""

import os
import tempfile
from pathlib import Path

from moot.agent.git.files import Folder


class Vanishing(Folder):
    """Loses a file after its status was asked for."""

    def state(self, path: str) -> os.stat_result | None:
        found = super().state(path)
        (self.path / path).unlink()
        return found


def test_a_file_that_vanishes_is_not_read(tmp_path):
    (tmp_path / "a.py").write_text("A = 1\n")
    assert Folder(tmp_path).read("a.py") == ("100644", b"A = 1\n")
    assert Vanishing(tmp_path).read("a.py") is None


def test_a_file_that_may_not_be_read_is_not_read():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for path, mode in (("shut.py", 0), ("open.py", 0o644), ("shut/a.py", 0o644)):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text("A = 1\n")
            (root / path).chmod(mode)
        (root / "shut").chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            read = {path: Folder(root).read(path) for path in ("shut.py", "open.py", "shut/a.py")}
            there = [state is not None for state in Folder(root).states(read)]
        finally:
            os.seteuid(user)
            (root / "shut").chmod(0o755)
    assert read == {"shut.py": None, "open.py": ("100644", b"A = 1\n"), "shut/a.py": None}
    assert there == [True, True, False]
