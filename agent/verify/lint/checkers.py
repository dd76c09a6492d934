"""The linters and type checkers that are known: when a repository uses one, and how it is called."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from moot.agent.core.commands import CommandResult
from moot.agent.core.verification import Finding
from moot.agent.verify.lint import readers

__all__ = ["CHECKERS", "Checker"]

_PYTHON = frozenset((".py", ".pyi"))
_TYPESCRIPT = frozenset((".ts", ".tsx", ".mts", ".cts"))
_JAVASCRIPT = _TYPESCRIPT | {".js", ".jsx", ".mjs", ".cjs"}


@dataclass(frozen=True, slots=True)
class Checker:
    """A program that reads code and reports findings.

    Attributes:
        suffixes: of the files that it reads.
        settings: (regular expression of a file's name, of a table's header in it or the key of a JSON
            file) that each show its use; the file's folder is where it runs.
        mention: regular expression that shows its use in CI, hooks and scripts; empty where that
            is not enough.
        words: its arguments for files, which are named from the folder where it runs.
        read: findings from what it printed; None when it did not work.
        wide: it is also asked about files that import the changed ones.
        root: a file that marks where it runs: the outermost folder that has it.
        marked: its settings only mark its use; that they change does not change what it finds.
    """

    name: str
    program: str
    suffixes: frozenset[str]
    settings: tuple[tuple[str, str], ...]
    mention: str
    words: Callable[[Sequence[str]], list[str]]
    read: Callable[[CommandResult], list[Finding] | None]
    wide: bool = False
    root: str = ""
    marked: bool = False

    def reads(self, path: str) -> bool:
        """Whether a file is of its language."""
        return PurePosixPath(path).suffix in self.suffixes

    def settings_in(self, name: str, read: Callable[[], str]) -> str:
        """Return what a file holds of its settings: the whole text, or some tables of it; else nothing.

        Args:
            name: of the file, without its folder.
            read: returns the file's text.
        """
        for pattern, table in self.settings:
            if re.fullmatch(pattern, name):
                text = read()
                if found := _part(text, table) if table else text.strip() or "empty":
                    return found
        return ""


def _part(text: str, table: str) -> str:
    """Return the lines of those tables of a TOML or INI file with this header, or a JSON key's value."""
    if not table.startswith(r"\["):
        return _value(text, table)
    lines: list[str] = []
    inside = False
    for line in filter(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = bool(re.match(table, line))
        if inside:
            lines.append(line)
    return "\n".join(lines)


def _value(text: str, key: str) -> str:
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text if key in text else ""
    found = cast("dict[str, Any]", values).get(key) if isinstance(values, dict) else None
    return "" if found is None else json.dumps(found)


def _packages(files: Sequence[str]) -> list[str]:
    """Name the Go packages that hold files."""
    return list(dict.fromkeys(f"./{PurePosixPath(file).parent}" for file in files))


CHECKERS = (
    Checker(
        "ruff",
        "ruff",
        _PYTHON,
        ((r"\.?ruff\.toml", ""), (r"pyproject\.toml", r"\[tool\.ruff[.\]]")),
        r"\bruff\b(?! format)",
        lambda files: ["check", "--output-format=json", "--no-fix", "--no-cache", "--force-exclude", *files],
        readers.ruff,
    ),
    Checker(
        "mypy",
        "mypy",
        _PYTHON,
        (
            (r"\.?mypy\.ini", ""),
            (r"pyproject\.toml", r"\[\[?tool\.mypy[.\]]"),
            (r"setup\.cfg", r"\[mypy[-\]]"),
        ),
        r"\bmypy\b",
        lambda files: ["--output=json", "--no-error-summary", *files],
        readers.mypy,
        wide=True,
    ),
    Checker(
        "pyright",
        "pyright",
        _PYTHON,
        ((r"pyrightconfig\.json", ""), (r"pyproject\.toml", r"\[\[?tool\.pyright[.\]]")),
        r"\bpyright\b",
        lambda files: ["--outputjson", *files],
        readers.pyright,
        wide=True,
    ),
    Checker(
        "basedpyright",
        "basedpyright",
        _PYTHON,
        ((r"pyproject\.toml", r"\[\[?tool\.basedpyright[.\]]"),),
        r"\bbasedpyright\b",
        lambda files: ["--outputjson", *files],
        readers.pyright,
        wide=True,
    ),
    Checker(
        "tsc",
        "tsc",
        _TYPESCRIPT,
        ((r"tsconfig\.json", ""),),
        "",
        # The whole project: with files named, tsc reads no tsconfig.json.
        lambda _: ["--noEmit", "--pretty", "false", "--project", "."],
        readers.tsc,
    ),
    Checker(
        "eslint",
        "eslint",
        _JAVASCRIPT,
        (
            (r"eslint\.config\.[cm]?[jt]s", ""),
            (r"\.eslintrc(\.\w+)?", ""),
            (r"package\.json", "eslintConfig"),
        ),
        r"\beslint\b",
        lambda files: ["--format=json", "--no-error-on-unmatched-pattern", *files],
        readers.eslint,
    ),
    Checker(
        "go vet",
        "go",
        frozenset((".go",)),
        ((r"go\.mod", ""),),
        "",
        lambda files: ["vet", "-json", *_packages(files)],
        readers.go_vet,
        wide=True,
        marked=True,
    ),
    Checker(
        "clippy",
        "cargo",
        frozenset((".rs",)),
        ((r"\.?clippy\.toml", ""), (r"Cargo\.toml", r"\[(workspace\.)?lints\.clippy\]")),
        r"\bclippy\b",
        lambda _: ["clippy", "--message-format=json", "--all-targets", "--offline", "--quiet"],
        readers.clippy,
        root="Cargo.toml",
    ),
)
