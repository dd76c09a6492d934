"""What tools keep in the home folder: toolchains and downloads are shown to tests, credentials are not."""

import asyncio
from pathlib import Path

import pytest

from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.verify.sandboxed import passable, run, write

SECRET = "s3cret-token"
CREDENTIALS = (
    ".aws/credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/gh/hosts.yml",
    ".config/gcloud/credentials.db",
    ".config/pip/pip.conf",
    ".docker/config.json",
    ".git-credentials",
    ".gitconfig",
    ".gnupg/private-keys-v1.d/key",
    ".kube/config",
    ".netrc",
    ".npmrc",
    ".pip/pip.conf",
    ".pypirc",
    ".ssh/id_ed25519",
    ".yarnrc.yml",
)
SHOWN = (
    ".cargo/bin/cargo",
    ".cargo/registry/cache/crate",
    "go/pkg/mod/cache/module",
    ".local/share/tool/bin/go",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    write(home, dict.fromkeys(CREDENTIALS, SECRET) | dict.fromkeys(SHOWN, "#!/bin/sh\necho shown\n"))
    for name in (".cargo/bin/cargo", ".local/share/tool/bin/go"):
        (home / name).chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    for name in ("CARGO_HOME", "RUSTUP_HOME", "GOMODCACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{home}/.cargo/bin:{home}/.local/share/tool/bin:/usr/bin:/bin")
    return home


def test_credentials_are_out_of_sight_where_toolchains_are_shown(home: Path, root: Path, work: Path) -> None:
    listed = " ".join(f'"{home}/{name}"' for name in (*CREDENTIALS, *SHOWN))
    script = f'cargo; go; for file in {listed}; do test -r "$file" && echo readable: "$file"; done; true'
    report = run(root, work, script)
    assert report.output.count("shown") == 2
    seen = {line.removeprefix(f"readable: {home}/") for line in report.output.splitlines() if ": " in line}
    assert seen == set(SHOWN)


@pytest.mark.parametrize("sandbox", ["bubblewrap", "landlock"])
@pytest.mark.parametrize("planted", [True, False], ids=["of-the-repository", "of-the-user"])
def test_links_of_the_repository_open_nothing(sandbox: str, planted: bool) -> None:
    """They are told from those of the user's own tools by what git tracks."""
    with passable() as place:
        root, work, other = place / "root", place / "work", place / "other"
        kept = ("module/file", "interpreter/file", "path/file")
        write(other, dict.fromkeys(kept, SECRET))
        packages = ".venv/lib/python3.99/site-packages"
        write(root, {"node_modules/real/index.js": "", f"{packages}/evil.pth": f"{other}/path\n"})
        links = {"node_modules/link": "../../other/module", ".venv/bin/python": f"{other}/interpreter/file"}
        for name, target in links.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).symlink_to(target)
        write(work, {"node_modules/real/index.js": ""})
        tracked = frozenset({*links, f"{packages}/evil.pth"}) if planted else frozenset()
        listed = " ".join(f"{other}/{name}" for name in kept)
        command = f": pytest; for file in {listed}; do head $file >/dev/null && echo readable; done; true"
        runner = TestRunner(choose(sandbox), root, 60, tracked)
        report = asyncio.run(runner.run(command, work))
    assert report.exit_code == 0
    assert report.output.count("readable") == (0 if planted else 3)


def test_the_environment_brings_no_secret(root: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY", "MOOT_API_KEY", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, SECRET)
    report = run(root, work, "env")
    assert "PATH=" in report.output
    assert SECRET not in report.output
