"""The systems that are given a bug: moot, moot by chat alone, aider, mini-swe-agent, on one model server."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["SYSTEMS", "Ended", "Job", "Server", "start"]

_WINDOW = 16_384  # tokens that the embedded server takes
_CONTEXT = {"MOOT_CONTEXT_TOKENS": "3072"}  # what its profile packs: a processor reads 170 tokens a second
_GRACE = 30.0  # seconds beyond the budget, for those that end by themselves


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible server and the model that it serves."""

    url: str
    model: str


@dataclass(frozen=True)
class Job:
    """What a system is given.

    Attributes:
        root: a repository of one commit, with the failing tests.
        seconds: the budget.
        scratch: a folder for the system's own files.
    """

    root: Path
    task: str
    test: str
    seconds: float
    server: Server
    scratch: Path


@dataclass(frozen=True)
class Call:
    """A command line with what it needs in the environment."""

    words: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Ended:
    """How a system ended; its exit code is -1 where it had to be stopped."""

    exit_code: int
    seconds: float


def _moot(job: Job, *more: str) -> Call:
    agent = str(Path(sys.executable).parent / "agent")
    words = [agent, "run", "--repo", str(job.root), "--test", job.test, "--yes", "--apply", "worktree"]
    words += ["--no-lint", "--fresh-baseline", "--output", "stream-json", "--max-time", str(job.seconds)]
    return Call([*words, *more, "--", job.task])


def _chat(job: Job) -> Call:
    """Return moot for a server without a profile: fill-in-the-middle needs one."""
    return replace(_moot(job, "--base-url", job.server.url, "--model", job.server.model), env=_CONTEXT)


def _debate(job: Job) -> Call:
    """Return moot that argues over every patch."""
    return _moot(job, "--fusion", "always", "--mode", "debate")


def _aider(job: Job) -> Call:
    model = f"openai/{job.server.model}"
    known = {"max_input_tokens": _WINDOW - 1024, "max_output_tokens": 1024, "mode": "chat"}
    free = {"input_cost_per_token": 0, "output_cost_per_token": 0, "litellm_provider": "openai"}
    metadata = job.scratch / "metadata.json"
    metadata.write_text(json.dumps({model: known | free}), encoding="utf-8")
    words = [
        os.environ.get("AIDER", "aider"),
        "--openai-api-base",
        job.server.url,
        "--openai-api-key",
        "dummy",
    ]
    words += ["--model", model, "--model-metadata-file", str(metadata), "--edit-format", "diff"]
    words += [
        "--map-tokens",
        "1024",
        "--yes-always",
        "--no-auto-commits",
        "--no-check-update",
        "--no-gitignore",
    ]
    words += [
        "--no-show-release-notes",
        "--analytics-disable",
        "--no-pretty",
        "--no-stream",
        "--no-detect-urls",
    ]
    words += ["--no-show-model-warnings", "--auto-test", "--test-cmd", job.test, "--message", job.task]
    return Call(words, {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": str(job.scratch)})


def _mini(job: Job) -> Call:
    options = {
        "model.model_class": "litellm_textbased",
        "model.model_name": f"hosted_vllm/{job.server.model}",
        "model.model_kwargs.api_base": job.server.url,
        "model.model_kwargs.max_tokens": "1024",
        "agent.step_limit": "60",
    }
    task = f"{job.task}\n\nThe repository is {job.root}. Its tests: {job.test}"
    words = [
        os.environ.get("MINI", "mini"),
        "-y",
        "--exit-immediately",
        "-l",
        "0",
        "-c",
        "mini_textbased.yaml",
    ]
    words += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    env = {"MSWEA_CONFIGURED": "true", "MSWEA_COST_TRACKING": "ignore_errors", "HOSTED_VLLM_API_KEY": "dummy"}
    return Call([*words, "-t", task, "-o", str(job.scratch / "trajectory.json")], env)


SYSTEMS: Mapping[str, Callable[[Job], Call]] = {
    "moot": _moot,
    "debate": _debate,
    "chat": _chat,
    "aider": _aider,
    "mini": _mini,
}


def start(name: str, job: Job) -> Ended:
    """Run a system until it ends or its time is over; what it says goes to its scratch folder."""
    job.scratch.mkdir(parents=True, exist_ok=True)
    call = SYSTEMS[name](job)
    (job.scratch / "command").write_text(shlex.join(call.words), encoding="utf-8")
    began = time.monotonic()
    with (job.scratch / "stdout").open("wb") as out, (job.scratch / "stderr").open("wb") as err:
        process = subprocess.Popen(
            call.words,
            cwd=job.root,
            env={**_environment(job.root), **call.env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        code = _wait(process, job.seconds + _GRACE)
    return Ended(code, round(time.monotonic() - began, 1))


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> int:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return -1


def _environment(root: Path) -> dict[str, str]:
    """Return the user's environment with the library's own programs first."""
    path = [str(root / ".venv" / "bin"), str(root / "node_modules" / ".bin"), os.environ["PATH"]]
    env = {**os.environ, "PATH": ":".join(path), "CI": "1", "NO_COLOR": "1"}
    if (root / "src").is_dir():
        env["PYTHONPATH"] = str(root / "src")
    else:
        env.pop("PYTHONPATH", None)
    return env
