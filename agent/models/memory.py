"""How much memory a model takes, and what fits: formulas, and what this machine has."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from moot.agent.core.errors import ServingError

__all__ = [
    "CODESTRAL_22B",
    "GIB",
    "Architecture",
    "Plan",
    "available_memory",
    "gpu_memory",
    "plan_gpu",
]

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Architecture:
    """The figures of a dense decoder's `config.json` that its size follows from."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int

    @property
    def parameters(self) -> int:
        """Weights of a gated-MLP decoder (Touvron et al., arXiv:2302.13971), biases left out, none tied."""
        attention = self.hidden * self.head_size * 2 * (self.heads + self.kv_heads)
        layer = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        return self.layers * layer + 2 * self.vocabulary * self.hidden + self.hidden

    def kv_bytes(self, tokens: int, bytes_per_value: float = 2) -> int:
        """Bytes of the KV cache: a key and a value a layer and KV head (arXiv:2305.13245)."""
        return int(2 * self.layers * self.kv_heads * self.head_size * bytes_per_value * tokens)


# config.json of mistralai/Codestral-22B-v0.1.
CODESTRAL_22B = Architecture(6144, 16384, 56, 48, 8, 128, 32768)


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a model fits into a memory: how its weights and its KV cache are kept, and the context.

    Attributes:
        context: tokens; bytes needed are `weights + cache + overhead`.
    """

    weight_type: Literal["bf16", "fp8", "int4"]
    cache_type: Literal["bf16", "fp8"]
    context: int
    weights: int
    cache: int
    overhead: int

    @property
    def memory(self) -> int:
        """Bytes in all."""
        return self.weights + self.cache + self.overhead

    @property
    def flags(self) -> tuple[str, ...]:
        """The plan as vLLM's command line."""
        weights = {"bf16": (), "fp8": ("--quantization", "fp8"), "int4": ("--quantization", "bitsandbytes")}
        cache = {"bf16": (), "fp8": ("--kv-cache-dtype", "fp8")}
        return (*weights[self.weight_type], *cache[self.cache_type], "--max-model-len", str(self.context))


# Bytes a weight: 4.5 bits for 4-bit weights with one 16-bit scale for every 32 of them.
_WEIGHT_BYTES: dict[Literal["bf16", "fp8", "int4"], float] = {"bf16": 2, "fp8": 1, "int4": 4.5 / 8}
# vLLM leaves 8% of a GPU free (`--gpu-memory-utilization 0.92`); activations and graphs take about 3 GiB.
_USABLE = 0.92
_OVERHEAD = 3 * GIB
_CONTEXTS = (262_144, 131_072, 65_536, 32_768, 16_384)


def plan_gpu(model: Architecture, memory: int) -> Plan:
    """Return the best plan for a GPU of `memory` bytes: a long context first, then exact types.

    Raises:
        ServingError: not even the smallest plan fits.
    """
    # 8-bit types cost next to nothing in quality, 4-bit weights do: they come after shorter contexts.
    plans = [
        plan
        for context in _CONTEXTS[:3]
        for plan in (_plan(model, "bf16", "bf16", context), _plan(model, "fp8", "fp8", context))
    ] + [_plan(model, "int4", "fp8", context) for context in _CONTEXTS]
    fitting = [plan for plan in plans if plan.memory <= memory * _USABLE]
    if not fitting:
        least = min(plan.memory for plan in plans) / _USABLE
        raise ServingError(
            f"the model needs {least / GIB:.0f} GiB of GPU memory and the GPU has {memory / GIB:.0f} GiB: "
            f"use the profile qwen2.5-coder-1.5b-cpu"
        )
    return fitting[0]


def _plan(
    model: Architecture,
    weight_type: Literal["bf16", "fp8", "int4"],
    cache_type: Literal["bf16", "fp8"],
    context: int,
) -> Plan:
    return Plan(
        weight_type,
        cache_type,
        context,
        weights=int(model.parameters * _WEIGHT_BYTES[weight_type]),
        cache=model.kv_bytes(context, 1 if cache_type == "fp8" else 2),
        overhead=_OVERHEAD,
    )


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes of main memory that are free: the system's, within the cgroup's limit."""
    free = psutil.virtual_memory().available
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        # What the page cache holds counts as used but is given up when it is needed.
        cached = _inactive_file(cgroup / "memory.stat")
        return free if limit == "max" else max(0, min(free, int(limit) - used + cached))
    except (OSError, ValueError):
        return free


def _inactive_file(stat: Path) -> int:
    for line in stat.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name == "inactive_file":
            return int(value)
    return 0


def gpu_memory() -> int:
    """Return the bytes of the first GPU's memory, as the driver tells.

    Raises:
        ServingError: there is no NVIDIA driver, or no GPU.
    """
    program = shutil.which("nvidia-smi")
    question = ["--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            [program or "", *question], capture_output=True, text=True, timeout=10, check=True
        )
        return int(answer.stdout.splitlines()[0]) << 20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as exc:
        raise ServingError(
            "this profile needs an NVIDIA GPU and none answers: use the profile qwen2.5-coder-1.5b-cpu"
        ) from exc
