"""What reaches every test: options of runners in new files, and what takes a runner's place."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

VITE = """\
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  test: { include: ["src/**/*.test.ts"] },
});
"""


def kinds(path: str, old: str | None, new: str | None) -> set[str]:
    pair = (text.encode() if text is not None else None for text in (old, new))
    return {flag.kind for flag in inspect([FileVersions(path, *pair)])}


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("pytest.ini", "[pytest]\naddopts = --ignore=tests\n"),
        ("setup.cfg", "[tool:pytest]\naddopts = --ignore=tests\n"),
        ("tox.ini", "[pytest]\npython_files = none_*.py\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-k nothing'\n"),
        ("tests/pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-k nothing'\n"),
        ("package.json", '{"jest": {"testPathIgnorePatterns": ["stats"]}}'),
        ("vitest.config.mts", "export default { test: { exclude: ['**'] } }"),
        ("vite.config.ts", VITE),
        ("jest.config.cjs", "module.exports = { testMatch: [] }"),
        ("web-test-runner.config.mjs", "export default {}"),
        ("conftest.py", "import os\nos.environ['PYTEST_ADDOPTS'] = '-k nothing'\n"),
        ("pytest.py", "print('1 passed')\n"),
        ("unittest/__init__.py", ""),
        ("src/pytest.py", ""),
        ("sitecustomize.py", ""),
        ("src/pass.pth", "import os; os._exit(0)\n"),
        (".cargo/config.toml", '[target.x86_64-unknown-linux-gnu]\nrunner = "true"\n'),
        (".npmrc", "script-shell=./true\n"),
        ("node_modules/vitest/index.js", ""),
    ],
)
def test_new_files_that_say_how_tests_run(path, new):
    assert "runner" in kinds(path, None, new)


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("setup.cfg", "[metadata]\nname = stats\n"),
        ("pyproject.toml", "[project]\nname = 'stats'\n[tool.ruff]\nline-length = 99\n"),
        ("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n"),
        ("package.json", '{"name": "stats", "scripts": {"test": "node --test"}}'),
        ("tox.ini", "[testenv]\ncommands = pytest\n"),
        ("vite.config.ts", "export default { plugins: [vue()] };\n"),
        (".npmrc", "registry=https://registry.example.org\n"),
        ("tools/coverage/__init__.py", ""),
        ("stats/unittest.py", ""),
    ],
)
def test_other_new_files(path, new):
    assert kinds(path, None, new) == set()


def test_the_options_of_vitest_within_those_of_vite():
    assert kinds("vite.config.ts", VITE, VITE.replace("[vue()]", "[vue(), svg()]")) == set()
    for new in (VITE.replace("src/**", "none/**"), VITE.replace("test: {", '"test": {'), "", None):
        assert kinds("vite.config.ts", VITE, new) == {"runner"}
    assert kinds("vite.config.js", "export default {}", "export default { test }") == {"runner"}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("pyproject.toml", "[tool.pytest]\n", "tool = 1\n"),
        ("pyproject.toml", "[tool.pytest]\n", f"x = {'[' * 100_000}\n"),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": [[1, 2]]}'),
        ("package.json", '{"scripts": {"test": "jest"}}', "[" * 100_000),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"jest": ' * 900 + "1" + "}" * 900),
    ],
)
def test_settings_of_no_known_form_are_flagged(path, old, new):
    assert kinds(path, old, new) == {"runner"}


def test_a_line_that_moves_is_no_new_special_case():
    code = b"def f():\n    pass  # pragma: no cover\n"
    moved = [FileVersions("a.py", code, None), FileVersions("b.py", None, code)]
    assert inspect(moved) == ()
    (flag,) = inspect([*moved, FileVersions("c.py", None, code)])
    assert flag.kind == "coverage"


def test_a_runner_s_own_source_may_change():
    assert kinds("src/pytest/__init__.py", "x = 1\n", "x = 2\n") == set()
