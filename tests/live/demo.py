"""The main job on a real bug: a published library at a release with a bug that a later one fixed.

humanize 4.2.0 ignored `ndigits=0` in `intcomma`; 4.2.1 fixed it and brought a test. Both releases come
from the package index as source distributions, pinned by hash. The library of 4.2.0 with the tests of
4.2.1's `test_number.py` becomes a git repository in a scratch folder, and the bug report is the task.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

LIBRARY = "humanize"
BUGGY, FIXED = "4.2.0", "4.2.1"
SHA256 = {
    BUGGY: "b79797c101f274a19ed7b5f0cd3aa65e1aa379868b974692a9d3129ccc311be2",
    FIXED: "c8caa86a3e35fa60a6f31674bed2dcaf3a8495958880a00ad836226e0e6755b3",
}
REGRESSION_TEST = "tests/test_number.py"
TEST_COMMAND = "python -m pytest -q"
TASK = """\
humanize.intcomma(num, ndigits=0) does not behave as expected

I call humanize.intcomma(12345.111, ndigits=0) and expect the return value to be "12,345": with ndigits=0
there should be no digits after the decimal place. The return value is "12,345.111".
"""


def main() -> int:
    """Prepare the repository, run the agent on it, and show what it did."""
    scratch = Path(os.environ.get("MOOT_DEMO_DIR") or tempfile.gettempdir()) / f"moot-demo-{os.getuid()}"
    repo = prepare(scratch)
    print(f"repository: {repo}\ntask: {TASK}", file=sys.stderr)
    agent = Path(sys.executable).with_name("agent")
    done = subprocess.run(
        [agent, "run", TASK, "--repo", repo, "--test", TEST_COMMAND, *sys.argv[1:]], check=False
    )
    if done.returncode == 0:
        subprocess.run(["git", "--no-pager", "log", "--stat", "-1"], cwd=repo, check=True)
    return done.returncode


def prepare(scratch: Path) -> Path:
    """Return a fresh repository with one commit, and an environment with pytest in `.venv`."""
    scratch.mkdir(parents=True, exist_ok=True)
    repo = scratch / LIBRARY
    shutil.rmtree(repo, ignore_errors=True)
    sources = {version: _unpack(scratch, version) for version in (BUGGY, FIXED)}
    shutil.copytree(sources[BUGGY], repo)
    shutil.copy(sources[FIXED] / REGRESSION_TEST, repo / REGRESSION_TEST)
    _git(repo, "init", "--quiet", "--initial-branch", "main")
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "exclude").write_text(".venv/\n", encoding="utf-8")
    _git(repo, "add", "--all")
    _git(repo, "commit", "--quiet", "--message", f"{LIBRARY} {BUGGY}, with the tests of {FIXED}")
    _environment(repo)
    return repo


def _unpack(scratch: Path, version: str) -> Path:
    folder, archive = scratch / "sources", scratch / f"{LIBRARY}-{version}.tar.gz"
    if not archive.exists() or _sha256(archive) != SHA256[version]:
        command = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run(
            [sys.executable, *command, "--dest", scratch, f"{LIBRARY}=={version}"],
            check=True,
            stdout=sys.stderr,
        )
    if _sha256(archive) != SHA256[version]:
        raise SystemExit(f"{archive} is not the release that was expected: delete it and try again")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / f"{LIBRARY}-{version}"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _environment(repo: Path) -> None:
    """Give the library what its tests need, in an environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", repo / ".venv"], check=True)
    pip = [repo / ".venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "pytest", "freezegun", "setuptools"], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", repo], check=True)


def _git(repo: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=moot demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=repo, check=True)


if __name__ == "__main__":
    sys.exit(main())
