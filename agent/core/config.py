"""Settings: flags > environment (`MOOT_…`) > repository's file > user's file > defaults."""

import json
import logging
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from moot.agent.core.choices import ApplyMode, ApprovalPolicy, FusionMode, FusionPolicy
from moot.agent.core.errors import UsageError

__all__ = ["REPOSITORY_KEYS", "PoolMember", "Settings", "load_settings"]

_LOG = logging.getLogger(__name__)

REPOSITORY_KEYS = frozenset({"test_suggestion", "ignore"})
"""All that a repository's own file may set: it is untrusted, so nothing that runs unseen."""


class PoolMember(BaseModel):
    """A model that `agent fuse` may ask: one `[[pool]]` table of the user's own settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.:/-]*$", description="what --pool and --judge call it")
    model: str | None = Field(None, description="model name; default: what the server serves")
    base_url: str | None = Field(None, description="OpenAI-compatible server; default: that of the settings")
    api_key_env: str | None = Field(
        None, pattern=r"^[A-Za-z_]\w*$", description="environment variable that holds the key"
    )
    weight: float = Field(1.0, gt=0, le=1000, description="odds that its answer is the better one")
    price_in: float = Field(0.0, ge=0, description="US dollars per million tokens read")
    price_out: float = Field(0.0, ge=0, description="US dollars per million tokens written")
    concurrency: int = Field(4, ge=1, le=64, description="requests at a time")
    context_tokens: int | None = Field(None, ge=256, description="its window; default: what the server says")
    temperature: float | None = Field(None, ge=0, le=2, description="of its answers")
    samples: int = Field(1, ge=1, le=16, description="answers that it gives")

    @model_validator(mode="before")
    @classmethod
    def _without_key(cls, value: object) -> object:
        if isinstance(value, dict) and "api_key" in value:
            raise ValueError("a key does not belong into a file: name its variable with api_key_env")
        return cast("object", value)


class Settings(BaseSettings):
    """Every setting; each is also an environment variable with the prefix `MOOT_`."""

    model_config = SettingsConfigDict(env_prefix="MOOT_", env_ignore_empty=True, extra="forbid", frozen=True)

    base_url: str | None = Field(None, description="OpenAI-compatible server; default: the local one")
    model: str | None = Field(None, description="model name; default: what the server serves")
    api_key: SecretStr | None = Field(None, description="sent as a bearer token")
    profile: str | None = Field(None, description="model profile; default: by hardware")
    model_path: Path | None = Field(None, description="folder with weights, in place of a download")
    codestral_repo: str = Field("mistralai/Codestral-2", description="hub id of Codestral 2")
    fim: str | None = Field(None, description="form in which the model fills in the middle; default: its own")
    server_port: int = Field(8197, ge=1, le=65535, description="loopback port of the local server")

    test: str | None = Field(None, description="command that verifies the repository")
    test_timeout: float = Field(600.0, gt=0, description="seconds for one run of the tests")
    test_budget: float | None = Field(None, gt=0, description="seconds of tests for each candidate")
    fresh_baseline: bool = Field(False, description="run the base's tests, whatever is known of them")
    allow_test_changes: bool = Field(False, description="edits may change tests, CI and coverage")
    test_suggestion: str | None = Field(None, description="test command that a repository suggests")
    ignore: Annotated[tuple[str, ...], NoDecode] = Field((), description="globs that the index leaves out")

    apply: ApplyMode = ApplyMode.COMMIT
    fusion: FusionPolicy = FusionPolicy.AUTO
    fusion_mode: FusionMode = FusionMode.BEST_OF
    fusion_pool: str | None = Field(None, description="models that write patches beside the run's own")
    approve: ApprovalPolicy = Field(ApprovalPolicy.AUTO, description="auto: ask when risky")
    verify: bool = True
    lint: bool = Field(True, description="compare what the repository's linters and type checkers find")
    sandbox: str = Field("auto", pattern="^(auto|bubblewrap|landlock|none)$")
    sandbox_memory: int | None = Field(
        None, ge=64, description="MiB that a command may use; default: three quarters of the machine's"
    )
    sandbox_processes: int = Field(2048, ge=16, description="processes and threads of a command")
    sandbox_disk: int = Field(8192, ge=16, description="MiB that a command may write")
    allow_net: Annotated[tuple[str, ...], NoDecode] = Field((), description="hosts that tests may reach")

    context_tokens: int | None = Field(None, gt=0, description="budget of the context")
    rerank: int = Field(0, ge=0, le=100, description="best files that the model ranks once more; 0: none")
    samples: int = Field(3, ge=1, le=64, description="chat candidates a round")
    max_candidates: int = Field(600, ge=1, description="candidates that a run may test")
    survivors: int = Field(4, ge=1, description="candidates that pass the tests which are compared")
    compare_time: float = Field(
        60.0,
        ge=0,
        description="seconds to look for further survivors and to compare them; 0: the first is taken",
    )
    max_repairs: int = Field(2, ge=0, le=10, description="rounds of repair")
    max_turns: int = Field(8, ge=0, description="turns with tool calls before an edit")
    max_tokens: int | None = Field(None, gt=0, description="tokens that a run may use")
    max_cost: float | None = Field(None, gt=0, description="US dollars that a run may cost")
    max_time: float = Field(1800.0, gt=0, description="seconds that a run may take")
    connect_timeout: float = Field(5.0, gt=0, description="seconds")
    read_timeout: float = Field(300.0, gt=0, description="seconds without a byte from the model")
    price_in: float = Field(0.0, ge=0, description="US dollars per million tokens read")
    price_out: float = Field(0.0, ge=0, description="US dollars per million tokens written")

    pool: tuple[PoolMember, ...] = Field((), description="models that `agent fuse` may ask")
    infill_weight: float = Field(
        1.0, gt=0, le=1000, description="odds that an infill is the better patch, against a chat answer"
    )
    judge: str | None = Field(None, description="who judges; default: the first member")
    rubric: Path | None = Field(None, description="file that says in words what a good answer or patch is")
    judge_threshold: float = Field(
        0.6, ge=0.5, lt=1, description="P(better) above which an answer takes the first one's place"
    )
    judge_scale: float = Field(
        1.0, gt=0, le=100, description="temperature that scales the judge's probabilities"
    )

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("moot", appauthor=False)))

    @field_validator("allow_net", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Take `pypi.org,files.pythonhosted.org`, also within one of several flags."""
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple):
            return value
        items = cast("list[object] | tuple[object, ...]", texts)
        return tuple(word for item in items for word in re.split(r"[\s,]+", str(item)) if word)

    @field_validator("ignore", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """Take `*.lock,build/` from the environment, or a list as JSON, whose globs may hold blanks."""
        if not isinstance(value, str):
            return value
        return (
            json.loads(value)
            if value.lstrip().startswith("[")
            else re.split(r"[\s,]+", value.strip(", \t\n"))
        )

    @field_validator("data_dir", "model_path", "rubric")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        """Give paths their meaning here, as programs are started in other folders."""
        try:
            return None if path is None else path.expanduser().absolute()
        except RuntimeError as exc:
            raise ValueError(str(exc)) from exc

    @field_validator("pool")
    @classmethod
    def _distinct(cls, members: tuple[PoolMember, ...]) -> tuple[PoolMember, ...]:
        names = [member.name for member in members]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two members are called {twice}: give each a name of its own")
        return members

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only flags and the environment; files are merged below them by `load_settings`."""
        return (init_settings, env_settings)


def load_settings(
    repository: Path | None = None, began: Mapping[str, Any] | None = None, /, **flags: Any
) -> Settings:
    """Merge all sources into one frozen object.

    Args:
        repository: top of a working tree whose `moot.toml` or `[tool.moot]` is read.
        began: settings of the run that is resumed, which only flags change; None among them are kept.
        flags: values from the command line; None means not given.

    Raises:
        UsageError: a file cannot be read, or a value is not allowed.
    """
    flags = {name: value for name, value in flags.items() if value is not None}
    given, files = {**(began or {}), **flags}, dict[str, Any]()
    try:
        base = Settings(**given)
        files = _user_file() | (_repository_file(repository) if repository else {})
        files = {name: value for name, value in files.items() if name not in base.model_fields_set}
        return Settings(**given, **files) if files else base
    except ValidationError as exc:
        raise UsageError(_explain(exc, given, files)) from exc
    except SettingsError as exc:
        named = re.search(r'field "(\w+)"', str(exc))
        name = f"MOOT_{named[1].upper()}" if named else "a variable"
        raise UsageError(f"bad value for {name}: write it as JSON") from exc


def _user_path() -> Path:
    return Path(platformdirs.user_config_dir("moot", appauthor=False)) / "moot.toml"


def _user_file() -> dict[str, Any]:
    return _read(_user_path())


def _repository_file(repository: Path) -> dict[str, Any]:
    own = _read(repository / "moot.toml")
    values = own or _table(_table(_project(repository / "pyproject.toml"), "tool"), "moot")
    foreign = sorted(set(values) - REPOSITORY_KEYS)
    if foreign:
        raise UsageError(
            f"the repository's settings may not set {', '.join(foreign)}: "
            f"move that to your own settings file or pass it as a flag"
        )
    return values


def _project(path: Path) -> dict[str, Any]:
    """Return what a `pyproject.toml` holds: one that cannot be read may be what a run is to mend."""
    try:
        return _read(path)
    except UsageError as exc:
        _LOG.warning("%s: nothing of it counts", exc)
        return {}


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table by name; something else of that name is not ours."""
    found = values.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():  # such as a device, which may have no end
            raise UsageError(f"cannot read the settings in {path}: it is no file")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(f"cannot read the settings in {path}: {exc}") from exc


def _explain(exc: ValidationError, given: Mapping[str, Any], files: Mapping[str, Any]) -> str:
    """Say which value is wrong, and where it is from."""
    first = exc.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "settings"
    key = name.partition(".")[0]
    if key in files:
        place = f" in {_user_path()}" if key not in REPOSITORY_KEYS else " in a settings file"
    else:
        place = "" if key in given else f" (MOOT_{key.upper()})"
    if first["type"] == "extra_forbidden":
        return f"there is no setting {name}{place}: take it out"
    return f"bad value for {name}{place}: {first['msg']}"
