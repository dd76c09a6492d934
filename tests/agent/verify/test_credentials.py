"""What tools keep in the home folder: toolchains and downloads are shown to tests, credentials are not."""

from pathlib import Path

import pytest

from tests.agent.verify.sandboxed import run, write

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


def test_the_environment_brings_no_secret(root: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY", "MOOT_API_KEY", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, SECRET)
    report = run(root, work, "env")
    assert "PATH=" in report.output
    assert SECRET not in report.output
