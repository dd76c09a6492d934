"""A seeded bug in each language is found by its real tools in a real sandbox."""

import asyncio
import shutil
from pathlib import Path

import pytest

from moot.agent.repair.localise import Failure, Localisation, localise
from moot.agent.repair.peers import request
from moot.agent.verify.coverage.measure import CoverageTracer
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.repair.seeded import CARGO, GO, GO_TEST, GOLANG, NODE, SEEDED, Seeded


def explain(root: Path, project: Seeded, files: dict[str, str] | None = None) -> Localisation:
    """Run all tests, then explain those that fail."""
    contents = project.files if files is None else files
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert shutil.which(project.command.split()[0]), f"{project.command} is not installed"
    runner = TestRunner(choose("auto"), root, 100.0)
    report = asyncio.run(runner.run(project.command, root))
    failing = [case for case in report.cases if case.id in report.failed]
    assert failing, report.output
    asked = request(project.command, root, failing, report.cases, [])
    retrieved = {project.path: 1.0}
    found = asyncio.run(localise(CoverageTracer(runner), Failure(asked, list(contents), retrieved=retrieved)))
    assert not list(root.glob(".moot-spectrum*"))
    return found


@pytest.mark.parametrize("project", [pytest.param(each, id=each.name) for each in SEEDED])
def test_the_seeded_line_is_among_the_first(tmp_path: Path, project: Seeded):
    found = explain(tmp_path, project)
    assert (project.path, project.line) in [(each.path, each.line) for each in found.suspects[:3]], found
    if project.measured:
        assert found.measured, found.note
        first = found.suspects[0]
        assert (first.line, first.failed, first.passed) == (project.line, 1, 0), found
    elif not found.measured:
        assert "llvm-tools" in found.note


def test_lines_of_tests_are_no_suspects(tmp_path: Path):
    """Rust has them in the same file."""
    found = explain(tmp_path, CARGO)
    assert max(each.line for each in found.suspects) <= 11


def test_lines_after_other_characters_than_ascii_are_told_right(tmp_path: Path):
    """V8 counts in units of UTF-16, Python in characters."""
    moved = NODE.files[NODE.path].replace("/** Adds", "/** 💶 é Adds")
    found = explain(tmp_path, NODE, {**NODE.files, NODE.path: moved})
    assert found.suspects[0].line == NODE.line


def test_an_old_form_of_modules(tmp_path: Path):
    source = NODE.files[NODE.path].replace("export function", "module.exports.total = function", 1)
    files = {
        "src/prices.js": source.replace("export ", ""),
        "a.test.js": "const { test } = require('node:test'), assert = require('node:assert');\n"
        "const { total } = require('./src/prices.js');\n"
        "test('sum', () => assert.equal(total([1, 2], 0), 3));\n"
        "test('lower', () => assert.equal(total([5], 1), 4));\n",
    }
    assert explain(tmp_path, NODE, files).suspects[0].line == NODE.line


def test_a_text_that_a_loader_changes_is_not_blamed(tmp_path: Path):
    """Lines of the text that V8 ran are not those of the file."""
    loader = (
        "import { register } from 'node:module';\n"
        "register('data:text/javascript,' + encodeURIComponent(`\n"
        "export async function load(url, context, next) {\n"
        "  const found = await next(url, context);\n"
        "  if (url.endsWith('/src/prices.js')) found.source = '// more\\\\n\\\\n' + found.source;\n"
        "  return found;\n}`));\n"
    )
    project = Seeded("loader", "node --import ./loader.mjs --test", {}, "", NODE.path, 8)
    found = explain(tmp_path, project, {**NODE.files, "loader.mjs": loader})
    assert not found.measured
    assert "source maps are not read" in found.note


def test_a_panic_leaves_the_stack_trace(tmp_path: Path):
    """Go writes no profile then; what the passing tests execute is still known, and it is said."""
    panics = GO.replace("result = result + discount", "result = prices[discount+5]")
    found = explain(tmp_path, GOLANG, {**GOLANG.files, GOLANG.path: panics})
    assert (found.suspects[0].path, found.suspects[0].line) == (GOLANG.path, GOLANG.line)
    assert "died before Go wrote" in found.note


def test_code_that_does_not_compile_names_the_reason(tmp_path: Path):
    broken = {**GOLANG.files, "shop/prices_test.go": GO_TEST.replace("Total([]int{1", "Totals([]int{1")}
    found = explain(tmp_path, GOLANG, broken)
    assert not found.measured
    assert "no line coverage" in found.note


def test_go_in_a_folder_of_its_own(tmp_path: Path):
    files = {f"server/{name}": text for name, text in GOLANG.files.items()}
    project = Seeded("cd", "cd server && go test -count=1 -tags x ./...", {}, "", "server/shop/prices.go", 10)
    assert shutil.which("go")
    (tmp_path / "server").mkdir()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    runner = TestRunner(choose("auto"), tmp_path, 100.0)
    report = asyncio.run(runner.run(project.command, tmp_path))
    failing = [case for case in report.cases if case.id in report.failed]
    asked = request(project.command, tmp_path, failing, report.cases, [])
    found = asyncio.run(localise(CoverageTracer(runner), Failure(asked, list(files))))
    assert (found.suspects[0].path, found.suspects[0].line) == (project.path, project.line), found
