"""Go, Rust, and what is tested by programs that print TAP."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

from moot.agent.verify.ecosystems.found import Files, Found

__all__ = ["go_tests", "rust_tests", "tap_tests"]

_USE = re.compile(r"^\s*(?:use\s+)?(\.\.?(?:/[^\s()]*)?)\s*$", re.MULTILINE)


def go_tests(files: Files) -> Iterator[Found]:
    """Yield `go test` for a module, or for the modules of a workspace."""
    if "go.work" in files.known:
        folders = [folder.strip("/") for folder in _USE.findall(files.text("go.work"))]
        packages = " ".join(shlex.quote("./..." if each == "." else f"{each}/...") for each in folders)
        if packages:
            yield Found(f"go test {packages}", "go", "go.work", "it names these modules")
    if "go.mod" in files.known:
        yield Found("go test ./...", "go", "go.mod", "it is a Go module")


def rust_tests(files: Files) -> Iterator[Found]:
    """Yield nextest where it is configured, and `cargo test`."""
    if "Cargo.toml" not in files.known:
        return
    workspace = "workspace" in _manifest(files)
    every = " --workspace" if workspace else ""
    if "Cargo.toml" in files.known and ".config/nextest.toml" in files.known:
        yield Found(
            f"cargo nextest run{every}", "nextest", ".config/nextest.toml", "nextest is configured there"
        )
    kind = "a workspace of crates" if workspace else "a crate"
    yield Found(f"cargo test{every}", "cargo", "Cargo.toml", f"it is {kind}")


def tap_tests(files: Files) -> Iterator[Found]:
    """Yield `bats` and `prove` for their files."""
    bats = [path for path in files.paths if path.endswith(".bats")]
    if bats:
        folders = sorted({path.rpartition("/")[0] or "." for path in bats})
        yield Found(f"bats {' '.join(map(shlex.quote, folders))}", "tap", bats[0], "it is a test of bats")
    perl = [path for path in files.paths if path.startswith("t/") and path.endswith(".t")]
    if perl:
        yield Found("prove -lr t", "tap", perl[0], "it is a test of Perl's prove")


def _manifest(files: Files) -> dict[str, Any]:
    try:
        return tomllib.loads(files.text("Cargo.toml"))
    except (ValueError, RecursionError):  # also an integer of more digits than Python reads
        return {}
