"""Weights from a Hugging Face hub: what its cache holds already, and what it can still give."""

import json
import os
from pathlib import Path

import httpx

from moot.agent.core.errors import ServingError
from moot.agent.models.process import reported, run_logged
from moot.agent.models.progress import Progress

__all__ = [
    "cached_snapshot",
    "download_snapshot",
    "hub_cache",
    "hub_reachable",
    "looks_complete",
    "partly_downloaded",
]

_TIMEOUT = 5.0


def looks_complete(folder: Path) -> bool:
    """Return whether a folder has a configuration and every weight file that its index names."""
    if not any((folder / name).is_file() for name in ("config.json", "params.json")):
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError):
            return False
        return all((folder / str(name)).is_file() for name in names)
    return any(folder.glob("*.safetensors"))


def cached_snapshot(repo: str) -> Path | None:
    """Return the hub cache's current snapshot of a repository when it is whole.

    The layout is described in https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
    """
    folder = _folder(repo)
    try:
        revision = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / revision
    return snapshot if revision and looks_complete(snapshot) else None


def partly_downloaded(repo: str) -> int:
    """Return the bytes of a repository that the hub's cache holds, whole or not."""
    return sum(blob.stat().st_size for blob in (_folder(repo) / "blobs").glob("*"))


def _folder(repo: str) -> Path:
    return hub_cache() / f"models--{repo.replace('/', '--')}"


def hub_cache() -> Path:
    """Return the cache's folder, by the rules of huggingface_hub's `constants.py`."""
    home = os.environ.get("HF_HOME", os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/huggingface")
    named = os.environ.get("HF_HUB_CACHE", os.environ.get("HUGGINGFACE_HUB_CACHE", f"{home}/hub"))
    return Path(os.path.expandvars(named)).expanduser()


def hub_reachable(repo: str) -> bool:
    """Return whether the hub answers within seconds that it has a repository, unless it is switched off."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        answer = httpx.get(f"{endpoint}/api/models/{repo}", timeout=_TIMEOUT, headers=_authorisation())
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError):  # the last two: of a proxy's address
        return False
    return answer.is_success


def _authorisation() -> dict[str, str]:
    token = os.environ.get("HF_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def download_snapshot(repo: str, python: Path, log: Path, progress: Progress) -> Path:
    """Download a repository into the hub's cache, which goes on where an earlier try stopped.

    Raises:
        ServingError: the download failed, or what came is not whole.
    """
    script = Path(__file__).with_name("fetch_hub.py")
    run_logged([str(python), str(script), repo], log, f"downloading {repo} from the hub", reported(progress))
    folder = cached_snapshot(repo)
    if folder is None:
        raise ServingError(f"the download of {repo} from the hub is not whole: run `agent model pull` again")
    return folder
