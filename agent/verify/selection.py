"""Narrows a pytest command to some tests."""

import shlex
from collections.abc import Sequence

__all__ = ["is_pytest", "narrow"]

_LONGEST = 100_000
"""Characters of a command: Linux takes 131,072 in one argument (MAX_ARG_STRLEN)."""

_SHELL = frozenset("|&;<>()$`\\\"'*?[]#~\n{}")
# fmt: off
_TAKES_VALUE = frozenset((
    "-c", "--config-file", "--rootdir", "--confcutdir", "--ignore", "--ignore-glob", "--deselect", "-p", "-o",
    "--override-ini", "-k", "-m", "-n", "--numprocesses", "--cov", "--cov-config", "--cov-report",
    "--basetemp", "-W", "--junitxml", "--junit-xml", "--maxfail", "--tb", "--import-mode", "--timeout",
    "--log-file", "--durations", "-r", "--dist", "--color",
))
# fmt: on


def is_pytest(command: str) -> bool:
    """Tell whether a command runs pytest itself."""
    return "pytest" in command.replace("/", " ").split() or "py.test" in command


def narrow(command: str, only: Sequence[str]) -> str:
    """Return the command for these node ids in place of the paths that it names.

    A command that is no plain call of pytest, or would become too long, is returned as it is:
    then everything runs, which is slower but never wrong.
    """
    if not only or not is_pytest(command) or _SHELL & set(command):
        return command
    words = command.split()
    start = next((at for at, word in enumerate(words) if word.rsplit("/", 1)[-1] == "pytest"), None)
    if start is None:
        return command
    kept: list[str] = []
    for word in words[start + 1 :]:
        if word.startswith("-") or (kept and kept[-1] in _TAKES_VALUE):
            kept.append(word)
    narrowed = " ".join([*words[: start + 1], *kept, "--", *map(shlex.quote, only)])
    return narrowed if len(narrowed) < _LONGEST else command
