"""What a session's prompts find in vLLM's prefix cache, beside the same tasks packed afresh each turn.

    make bench-prefix

`agent model up` must be running. Each turn is an `agent run --dry-run` of its own on a small repository that
a person changes between them. What was found in the cache is vLLM's own account of the request, so that other
users of the server do not count. Every file of the two ways begins with a function that is named after the
way and the time, so that neither finds what the other left.
"""

import colorsys
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from moot.agent.core.config import load_settings
from moot.agent.models.serving import running_server
from tests.agent.projects import git, make_repository
from tests.live.prefix_cache import prefix_cache

AGENT = Path(sys.executable).with_name("agent")
WAYS = ("session", "afresh")
TURNS = (
    ("Give rgb_to_yiq in colours.py the docstring 'RGB to YIQ.'", "", ""),
    (
        "Give invert in colours.py the docstring 'Invert a colour.'",
        "colours.py",
        "\n\ndef invert(r, g, b):\n    return 1.0 - r, 1.0 - g, 1.0 - b\n",
    ),
    (
        "Give last_word in words.py the docstring 'The last word of a line.'",
        "words.py",
        "\n\ndef last_word(line):\n    return split(line)[-1]\n",
    ),
    (
        "Give grey in shades.py the docstring 'A grey of some lightness.'",
        "shades.py",
        "def grey(lightness):\n    return lightness, lightness, lightness\n",
    ),
    (
        "Give mix in colours.py the docstring 'The colour between two others.'",
        "colours.py",
        "\n\ndef mix(one, other):\n    return tuple((a + b) / 2 for a, b in zip(one, other))\n",
    ),
)


@dataclass(frozen=True)
class Turn:
    """One prompt: its text, its tokens, those found in the cache, and seconds to the first token."""

    prompt: bytes
    tokens: int
    found: int
    seconds: float


def main() -> int:
    """Print the table."""
    server = running_server(load_settings(Path()).data_dir)
    if server is None:
        sys.exit("start the model first: agent model up")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        taken = {way: take(way, Path(folder) / way, data, server.base_url) for way in WAYS}
    print("| turn |" + "".join(f" {way}: prompt | last prompt kept | cached | first token |" for way in WAYS))
    print("|---|" + "---|" * 4 * len(WAYS))
    for number in range(len(TURNS)):
        print(f"| {number + 1} |" + "".join(cells(taken[way], number) for way in WAYS))
    print(f"in blocks of {prefix_cache(server.base_url).block} tokens")
    return 0


def take(way: str, repo: Path, data: Path, base_url: str) -> list[Turn]:
    """Take all turns in one way."""
    mark = f"def {way}_{time.time_ns()}():\n    pass\n\n\n"
    modules = {"colours.py": colorsys.__file__, "words.py": shlex.__file__}
    make_repository(repo, {name: mark + Path(file).read_text() for name, file in modules.items()})
    turns: list[Turn] = []
    for number, (task, path, text) in enumerate(TURNS):
        if path:
            with (repo / path).open("a") as file:
                file.write(text)
            git(repo, "add", "-A")
            git(repo, "commit", "-q", "-m", "Go on")
        follow = ("--follow", "last") if way == "session" and number else ()
        turns.append(ask(repo, data, base_url, task, *follow))
        print(way, cells(turns, number), file=sys.stderr)
    return turns


def ask(repo: Path, data: Path, base_url: str, task: str, *follow: str) -> Turn:
    """Run one task."""
    command = [AGENT, "run", task, "--repo", repo, "--no-verify", "--dry-run", "--output", "stream-json"]
    profile = ("--base-url", base_url, "--profile", "qwen2.5-coder-1.5b-cpu")
    more = {"MOOT_DATA_DIR": str(data), "MOOT_MAX_REPAIRS": "0", "MOOT_SAMPLES": "1"}
    times, events = {}, {}
    with subprocess.Popen(
        [*command, *profile, *follow], env=os.environ | more, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            name = event["event"] + event.get("step", "")
            times.setdefault(name, time.perf_counter())
            events[name] = event
    session = json.loads((data / "runs" / events["RunStarted"]["run_id"] / "session.json").read_text())
    usage = events["ModelCalled"]["usage"]
    return Turn(
        "".join(f"<|{m['role']}|>{m['content']}" for m in session["opening"]).encode(),
        usage["prompt"],
        usage["cached"],
        times["TokensStreamed"] - times["StepStartedpropose"],
    )


def cells(turns: list[Turn], number: int) -> str:
    """Return one way's part of a line."""
    turn, before = turns[number], turns[number - 1].prompt if number else b""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(turn.prompt, before, strict=False))
    kept = f"{sum(1 for _ in same) / len(before):.1%}" if before else "–"
    share = turn.found / turn.tokens
    return f" {turn.tokens} | {kept} | {turn.found} ({share:.0%}) | {turn.seconds:.1f} s |"


if __name__ == "__main__":
    sys.exit(main())
