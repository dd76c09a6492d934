"""Settings: what the environment and files may say, and how what they may not is told."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from moot.agent.connection import connect
from moot.agent.core.config import load_settings
from moot.agent.core.errors import UsageError
from moot.agent.record import kept_settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user without settings, in a folder of their own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", ["*.lock,build/", "*.lock  build/", '["*.lock", "build/"]'])
def test_globs_come_from_the_environment(monkeypatch, text):
    monkeypatch.setenv("MOOT_IGNORE", text)
    assert load_settings().ignore == ("*.lock", "build/")


@pytest.mark.parametrize(
    ("name", "text"), [("POOL", "big"), ("IGNORE", "[1"), ("MODEL_PATH", "~nobody-here/x")]
)
def test_a_bad_variable_is_told_in_a_sentence(monkeypatch, name, text):
    monkeypatch.setenv(f"MOOT_{name}", text)
    with pytest.raises(UsageError, match=f"(?i){name}"):
        load_settings()


@pytest.mark.parametrize("text", ["tool = 1", "[[tool]]\na = 1", "[tool]\nmoot = 3", "[[tool.moot]]\na = 1"])
def test_what_is_called_as_our_table_and_is_none_is_not_ours(home, text):
    (home / "pyproject.toml").write_text(text)
    assert load_settings(home).ignore == ()


def test_a_settings_file_without_end_is_not_read(home):
    (home / "moot.toml").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="is no file"):
        load_settings(home)


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5_000])
def test_a_settings_file_beyond_what_python_reads_is_told(home, value):
    (home / "moot.toml").write_text(f"a = {value}")
    with pytest.raises(UsageError, match="cannot read the settings"):
        load_settings(home)


def test_paths_mean_the_same_in_every_folder(home, monkeypatch):
    monkeypatch.setenv("MOOT_DATA_DIR", "data")
    monkeypatch.setenv("MOOT_MODEL_PATH", "~/weights")
    assert load_settings().data_dir == home / "data"
    assert load_settings().model_path == home / "weights"
    assert load_settings(rubric=Path("rubric.md")).rubric == home / "rubric.md"


@pytest.mark.parametrize("key", ["“sk-secret”", "sk-\x07secret"])
def test_a_key_that_cannot_be_sent_is_not_told(monkeypatch, key):
    monkeypatch.setenv("MOOT_API_KEY", key)
    monkeypatch.setenv("MOOT_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(UsageError, match="MOOT_API_KEY") as caught:
        _connected()
    assert "secret" not in str(caught.value)


def test_blanks_around_a_key_are_none_of_it(monkeypatch, serve):
    server = serve(["yes"], api_key="sk-secret")
    monkeypatch.setenv("MOOT_API_KEY", " sk-secret\r\n")
    monkeypatch.setenv("MOOT_BASE_URL", server.base_url)
    _connected()
    assert {request.headers.get("authorization") for request in server.requests} == {"Bearer sk-secret"}


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1:1")
    monkeypatch.setenv("MOOT_BASE_URL", "http://models.example.org/v1")
    with pytest.raises(UsageError, match="ALL_PROXY"):
        _connected()


def _connected() -> None:
    async def run() -> None:
        client, _ = await connect(load_settings())
        await client.close()

    asyncio.run(run())


def test_a_project_file_that_cannot_be_read_stops_nothing(home, caplog):
    (home / "pyproject.toml").write_text('[tool.moot]\nignore = ["*.lock"]\n<<<<<<< HEAD\n')
    assert load_settings(home).ignore == ()
    assert "cannot read the settings" in caplog.text


def test_empty_variables_are_none(monkeypatch):
    for name in ("BASE_URL", "TEST", "MAX_TOKENS", "SANDBOX"):
        monkeypatch.setenv(f"MOOT_{name}", "")
    settings = load_settings()
    assert (settings.base_url, settings.test, settings.max_tokens) == (None, None, None)
    assert settings.sandbox == "auto"


@pytest.mark.parametrize(
    ("line", "said"),
    [("max_tim = 5", "there is no setting max_tim in {}"), ("max_time = -5", "bad value for max_time in {}")],
)
def test_a_mistake_in_the_own_file_is_told_with_its_place(home, line, said):
    file = home / ".config" / "moot" / "moot.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f"{line}\n")
    with pytest.raises(UsageError, match=said.format(re.escape(str(file)))):
        load_settings()


def test_a_mistake_is_told_with_the_variable_or_the_flag_that_it_is_in(monkeypatch):
    with pytest.raises(UsageError, match=r"^bad value for max_time: "):
        load_settings(max_time=-5)
    with pytest.raises(UsageError, match=r"^bad value for max_time: "):
        load_settings(None, {"max_time": -5})
    monkeypatch.setenv("MOOT_MAX_TIME", "soon")
    with pytest.raises(UsageError, match=r"^bad value for max_time \(MOOT_MAX_TIME\): "):
        load_settings()


def test_a_run_goes_on_with_what_was_not_set_when_it_began(home, monkeypatch):
    began = kept_settings(load_settings(max_turns=3))
    monkeypatch.setenv("MOOT_TEST", "make check")
    monkeypatch.setenv("MOOT_MAX_TURNS", "5")
    resumed = load_settings(home, began, samples=2)
    assert (resumed.test, resumed.max_turns, resumed.samples) == (None, 3, 2)
    assert load_settings(home).test == "make check"
