"""What is on disk is in the wheel: a forgotten subpackage works in editable mode and is missing there."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("agent", "prompts", "sandbox", "tools")


def on_disk() -> set[str]:
    folders = {file.parent for tree in TREES for file in (ROOT / tree).rglob("__init__.py")}
    return {"moot." + ".".join(folder.relative_to(ROOT).parts) for folder in folders}


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> set[str]:
    """Build a wheel from a copy of what git would ship, and list it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_package_list_is_complete():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert set(listed) == on_disk()


def test_the_wheel_holds_every_file(names):
    patterns = ("*.py", "*.scm", "*.md", "py.typed")
    expected = {
        f"moot/{file.relative_to(ROOT)}"
        for tree in TREES
        for pattern in patterns
        for file in (ROOT / tree).rglob(pattern)
    }
    assert expected <= names


def test_the_wheel_holds_nothing_else_at_the_top(names):
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"moot"}


def test_both_commands_are_installed(names):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"agent": "moot.agent.cli:main", "moot": "moot.agent.cli:main"}
