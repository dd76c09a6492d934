"""What of a file is a checker's settings."""

import pytest

from moot.agent.verify.lint.checkers import CHECKERS

PYPROJECT = "pyproject.toml"
MYPY = '[[tool.mypy.overrides]]\nmodule = "{}"\nignore_errors = true\n'
PYRIGHT = '[[tool.{}.executionEnvironments]]\nroot = "{}"\n'
ESLINT = '{{\n  "eslintConfig": {{\n    "rules": {{"no-undef": {}}}\n  }}\n}}\n'


def settings(checker: str, name: str, text: str) -> str:
    (found,) = (each for each in CHECKERS if each.name == checker)
    return found.settings_in(name, lambda: text)


@pytest.mark.parametrize(
    ("checker", "name", "before", "after"),
    [
        ("ruff", PYPROJECT, "[tool.ruff]\n", "[tool.ruff]\n[tool.ruff.lint]\nignore = ['F']\n"),
        ("mypy", PYPROJECT, MYPY.format("a.*"), MYPY.format("*")),
        ("mypy", "setup.cfg", "[mypy]\n", "[mypy]\n[mypy-pkg.*]\nignore_errors = True\n"),
        ("pyright", PYPROJECT, PYRIGHT.format("pyright", "a"), PYRIGHT.format("pyright", "b")),
        ("basedpyright", PYPROJECT, PYRIGHT.format("basedpyright", "a"), PYRIGHT.format("basedpyright", "b")),
        ("eslint", "package.json", ESLINT.format(2), ESLINT.format(0)),
        ("eslint", "package.json", ESLINT.format(2)[:-2], ESLINT.format(0)[:-2]),
    ],
)
def test_what_switches_a_checker_off_is_seen(checker: str, name: str, before: str, after: str) -> None:
    assert settings(checker, name, before) != settings(checker, name, after)


@pytest.mark.parametrize(
    ("checker", "name", "before", "after"),
    [
        ("ruff", PYPROJECT, "[tool.ruff]\na = 1\n", "[tool.ruff]\na = 1\n\n[tool.black]\n"),
        ("mypy", "setup.cfg", "", "[mypyc]\n"),
        ("eslint", "package.json", ESLINT.format(2), ESLINT.format(2).replace("{", '{"version": "2",', 1)),
        ("eslint", "package.json", "{", '{"name": '),
    ],
)
def test_what_is_no_setting_of_a_checker_is_not_seen(
    checker: str, name: str, before: str, after: str
) -> None:
    assert settings(checker, name, before) == settings(checker, name, after)
