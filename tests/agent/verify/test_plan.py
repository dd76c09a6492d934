"""What runs in place of a command: pure, over small trees on disk."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from moot.agent.verify.frameworks.base import Place
from moot.agent.verify.plan import Plan, make_plan
from moot.agent.verify.shell import Call, chain
from moot.agent.verify.tree import Tree


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def plan(tmp_path: Path, stack: ExitStack):
    def make(command: str, *only: str, files: dict[str, str] | None = None) -> Plan:
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return make_plan(command, Place("/w", "", "/w/R", Tree.open(tmp_path, stack)), only)

    return make


REPORT = "-o junit_family=xunit1 --maxfail=0 --continue-on-collection-errors"
PYTEST = f"--junitxml=/w/R/0/pytest.xml {REPORT} --rootdir=/w"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pytest -q", [["pytest", "-q"]]),
        ("a && b 'x && y'", [["a"], ["b", "'x && y'"]]),
        ('A="1 2" pytest -k "a or b"', [['A="1 2"', "pytest", "-k", '"a or b"']]),
        ("a || b", None),
        ("a; b", None),
        ("a | b", None),
        ("a > b", None),
        ("a &", None),
        ("(a)", None),
        ("a $(b)", None),
        ("a `b`", None),
        ("a\nb", None),
        ("a 'b", None),
        ("a &&", None),
        ("", None),
    ],
)
def test_chain(command, words):
    found = chain(command)
    assert (found and [list(each) for each in found]) == words


@pytest.mark.parametrize(
    ("command", "prefix", "program"),
    [
        ("python3.11 -X dev -m pytest", 4, "pytest"),
        ("A=1 env B=2 python -W error -m unittest", 7, "unittest"),
        ("env PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 /opt/bin/python -m pytest -q", 4, "pytest"),
        ("uv run --no-sync python -m coverage run -m pytest -q", 8, "pytest"),
        ("npx --no-install vitest", 2, "vitest"),
        ("./node_modules/.bin/jest", 0, "jest"),
        ("cross-env NODE_ENV=test jest", 2, "jest"),
        ("node --experimental-vm-modules node_modules/jest/bin/jest.js --runInBand", 2, "jest.js"),
        ("node -r esm ./node_modules/.bin/mocha test", 3, "mocha"),
        ("node -r ./setup.js test.js", 0, "node"),
        ("python3 tool.py -m pytest", 0, "python3"),
    ],
)
def test_what_starts_a_program(command, prefix, program):
    call = Call.of(command.split())
    assert (len(call.prefix), call.program) == (prefix, program)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest", f"pytest {PYTEST} -- 'a.py::t[x y]'"),
        ("python3 -m pytest -q tests -k foo", f"python3 -m pytest -q -k foo {PYTEST} -- 'a.py::t[x y]'"),
        ("pytest -c setup.cfg tests a.py::t", f"pytest -c setup.cfg {PYTEST} -- 'a.py::t[x y]'"),
        ("cd lib && pytest -- tests", f"cd lib && pytest {PYTEST}/lib -- 'a.py::t[x y]'"),
        (
            "pytest --log-level INFO -q ./tests a.py::t 't x/b.py' --reruns 2 tests/*.py .",
            f"pytest --log-level INFO -q --reruns 2 {PYTEST} -- 'a.py::t[x y]'",
        ),
        (
            "pytest --rootdir lib",
            f"pytest --rootdir lib --junitxml=/w/R/0/pytest.xml {REPORT} -- 'a.py::t[x y]'",
        ),
        ("pytest || true", "pytest || true"),
        ("make test", "make test"),
    ],
)
def test_pytest_is_narrowed(plan, command, expected):
    files = {"a.py": "", "tests/b.py": "", "t x/b.py": ""}
    assert plan(command, "a.py::t[x y]", files=files).script == expected


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("a.py::t@group", "a.py::t"),
        ("a.py::T::t[x@y::z]@a group", "'a.py::T::t[x@y::z]'"),
        ("a.py::t[x@y]", "'a.py::t[x@y]'"),
        ("a@b/a.py::t", "a@b/a.py::t"),
        ("a@b/a.py", "a@b/a.py"),
        ("users.yaml::a@b", "users.yaml::a@b"),
    ],
)
def test_the_group_of_a_test_is_no_part_of_what_selects_it(plan, name, argument):
    assert plan("pytest -n 2 --dist loadgroup", name).script.endswith(f"-- {argument}")


def test_too_many_ids_run_everything(plan):
    assert plan("pytest", *["a.py::test" + "x" * 100] * 2_000).script == f"pytest {PYTEST}"


def test_an_id_is_a_word_whatever_it_holds(plan):
    hostile = "a.py::t['; touch /tmp/x; $(id) `id` \"]"
    files = {"go.mod": "module m\n"}
    for command in ("pytest", "go test ./...", "cargo test", "vitest run", "jest", "node --test", "mocha"):
        for only in (hostile, f"a > {hostile}", f"m.Test{hostile}", f"m::{hostile}"):
            script = plan(command, only, files=files).script.partition(" > ")[0]
            lexer = shlex.shlex(plan(command, only, files=files).script, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            assert not {";", "&", "|", "`"} & set(lexer), script


@pytest.mark.parametrize(
    ("command", "only", "expected"),
    [
        (
            "go test -v ./...",
            ["m/p.TestA/sub_x", "m.TestB"],
            "go test -json -v -run '^(TestA|TestB)$' ./p . > /w/R/0/go.jsonl",
        ),
        ("go test -run=X ./...", ["p/a_test.go"], "go test -json ./p > /w/R/0/go.jsonl"),
        ("go test ./...", ["m/p"], "go test -json ./p > /w/R/0/go.jsonl"),
        ("node --test", ["test/a.js > s > t"], "--test test/a.js"),
        (
            "node --test --test-isolation none --test-coverage-lines 80 'test/**/*.js'",
            ["test/a.js > s > t"],
            "--test --test-isolation none --test-coverage-lines 80 test/a.js",
        ),
        ("jest", ["a.js > s > t (x)"], "--runTestsByPath a.js -t '^(s( > | )t\\ \\(x\\))$'"),
        (
            "vitest",
            ["a.ts"],
            "--run --bail=0 --reporter=default --reporter=json --outputFile.json=/w/R/0/vitest.json a.ts",
        ),
        ("mocha", ["a.js > s t"], "--grep '^(s\\ t)$'"),
        (
            "mocha",
            ['a.js > s t "before each" hook for "x"', "a.js > u"],
            "--grep '^(s\\ t( .*)?|u)$'",
        ),
        ("mocha", ['a.js > "before all" hook for "x"'], "output=/w/R/0/mocha.json --no-bail"),
    ],
)
def test_other_frameworks_are_narrowed(plan, command, only, expected):
    assert plan(command, *only, files={"go.mod": "module m\n"}).script.endswith(expected)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -x", f"pytest -x {PYTEST}"),
        ("go test -failfast ./... -args -x", "go test -json ./... -args -x > /w/R/0/go.jsonl"),
        ("go test --failfast=true ./...", "go test -json ./... > /w/R/0/go.jsonl"),
        *(
            (
                f"cargo nextest run --workspace {options}",
                "cargo nextest run --tool-config-file moot:/w/R/0/nextest.toml --no-fail-fast --workspace",
            )
            for options in (
                "--no-fail-fast",
                "--nff",
                "--fail-fast",
                "--ff",
                "--max-fail=1",
                "--max-fail 1:wait",
            )
        ),
        ("jest --bail", "jest --bail --json --outputFile=/w/R/0/jest.json --watchAll=false --bail=0"),
        ("mocha --bail", "mocha --bail --reporter json --reporter-option output=/w/R/0/mocha.json --no-bail"),
        *(
            (
                f"vitest {options}",
                "vitest a.ts --run --bail=0 --reporter=default --reporter=json "
                "--outputFile.json=/w/R/0/vitest.json",
            )
            for options in ("--bail a.ts", "--bail=1 a.ts", "--bail 1 a.ts", "--run a.ts")
        ),
    ],
)
def test_a_run_goes_on_after_the_first_failure(plan, command, expected):
    """Of a base that stops there the other failures would not be known."""
    assert plan(command).script == expected


def test_cargo_is_narrowed_by_exact_names(plan):
    script = plan("cargo test --lib", "demo::a::b", "demo::c").script
    assert "--lib -- --exact a::b c" in script
    assert "--exact" not in plan("cargo test", "demo").script
    assert "--exact" not in plan("cargo test", "demo::c", "doctest::src/lib.rs - add - compile").script


@pytest.mark.parametrize(
    ("script", "framework"),
    [
        ("vitest", "vitest"),
        ("eslint . && jest --coverage", "jest"),
        ("cross-env A=1 c8 mocha test/**/*.js", "mocha"),
        ("node --import tsx --test", "node"),
        ("tsc && npm run unit", "ava->tap"),
        ("turbo test", ""),
        ("jest | cat", ""),
        ('echo "Error: no test specified" && exit 1', ""),
    ],
)
def test_package_scripts_are_looked_into(plan, script, framework):
    package = (
        f'{{"scripts": {{"test": {script!r}, "unit": "ava"}}}}'.replace("'", '"')
        if '"' not in script
        else "{}"
    )
    for command in ("npm test", "npm run test", "yarn test", "pnpm test", "pnpm run test"):
        found = plan(command, files={"package.json": package})
        assert found.frameworks == framework.rpartition(">")[2]
        assert (found.path == ("node_modules/.bin",)) == bool(framework)


def test_hooks_of_a_script_run_around_it(plan):
    package = '{"scripts": {"pretest": "tsc -p .", "test": "vitest run", "posttest": "rm -r out"}}'
    script = plan("npm test -- --bail", files={"package.json": package}).script
    assert script.startswith("tsc -p . && vitest run --run --bail=0")
    assert script.endswith("&& rm -r out")


def test_yarn_without_node_modules_starts_the_program(plan):
    files = {"package.json": '{"scripts": {"test": "jest"}}', ".pnp.cjs": "x"}
    assert plan("yarn test", files=files).script.startswith("yarn run jest --json")


@pytest.mark.parametrize(
    ("makefile", "expected"),
    [
        (
            "PY ?= python3\n.PHONY: test\ntest: build\n\t@$(PY) -m pytest -q\n",
            f"make build && python3 -m pytest -q {PYTEST}",
        ),
        ("test:\n\tcd lib && pytest\n", "make test"),
        ("test:\n\t-pytest\n", "make test"),
        ("test:\n\tpytest $(shell ls)\n", "make test"),
        ("export A = 1\ntest:\n\tpytest\n", "make test"),
        ("test: ; pytest\n", "make test"),
        ("ARGS ?=\ntest:\n\tpytest $(ARGS)\n", f"pytest {PYTEST}"),
        ("ARGS =\nOTHER = x\ntest:\n\tpytest $(ARGS)\n", f"pytest {PYTEST}"),
        ("ARGS = -v\nARGS += -m slow\ntest:\n\tpytest $(ARGS)\n", "make test"),
        ("ARGS = -v\nARGS ?= -m slow\ntest:\n\tpytest $(ARGS)\n", "make test"),
        ("ARGS = -v\noverride ARGS = -m slow\ntest:\n\tpytest $(ARGS)\n", "make test"),
        ("ifdef CI\nARGS = -v\nelse\nARGS = -x\nendif\ntest:\n\tpytest $(ARGS)\n", "make test"),
        ("ARGS = -v \\\n -m slow\ntest:\n\tpytest $(ARGS) tests\n", "make test"),
        ("LIST = \\\nARGS = -x\ntest:\n\tpytest $(ARGS)\n", "make test"),
        ("ARGS = -v\nARGS != ls\ntest:\n\tpytest $(ARGS)\n", "make test"),
    ],
)
def test_make_targets_are_looked_into(plan, makefile, expected):
    assert plan("make test", files={"Makefile": makefile}).script == expected


def test_scripts_that_call_each_other_end(plan):
    files = {"package.json": '{"scripts": {"test": "npm run test"}}'}
    assert plan("npm test", files=files).script == "npm test"


def test_a_folder_of_a_monorepo(plan):
    files = {"packages/a/package.json": '{"scripts": {"test": "vitest run"}}'}
    found = plan("cd packages/a && npm test", "x.test.ts", files=files)
    assert found.script.startswith("cd packages/a && vitest run --run")
    assert found.path == ("packages/a/node_modules/.bin", "node_modules/.bin")
    assert found.parts[0].place.path("x.test.ts") == "packages/a/x.test.ts"


def test_two_frameworks_run_one_after_the_other(plan):
    found = plan("pytest && go test ./...")
    assert found.frameworks == "pytest+go"
    assert found.folders == ("0", "1")


@pytest.mark.parametrize(
    ("command", "ran", "code"),
    [
        ("pytest && go test ./...", "pytest go", 0),
        ("FAIL=3 pytest && FAIL=4 go test ./...", "pytest go", 3),
        ("pytest && FAIL=4 go test ./... && tidy", "pytest go", 4),
        ("FAIL=3 pytest && build && go test ./... && tidy", "pytest build go", 3),
        ("FAIL=2 build && pytest && go test ./...", "build", 2),
        ("pytest && FAIL=2 build && go test ./...", "pytest build", 2),
        ("FAIL=3 pytest && FAIL=2 build && go test ./...", "pytest build", 3),
        ("pytest && go test ./... && FAIL=2 tidy && tidy", "pytest go tidy", 2),
        ("FAIL=3 pytest && tidy", "pytest", 3),
    ],
)
def test_a_framework_that_fails_hides_no_other(plan, tmp_path, command, ran, code):
    (tmp_path / "bin").mkdir()
    for name in ("pytest", "go", "build", "tidy"):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\nexit ${{FAIL:-0}}\n")
        program.chmod(0o755)
    script = plan(command).script.replace("/w/R/", f"{tmp_path}/")
    (tmp_path / "1").mkdir()
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.defpath}"}
    done = subprocess.run(["sh", "-c", script], env=environment, check=False)
    assert ((tmp_path / "ran").read_text().split(), done.returncode) == (ran.split(), code)


def test_a_command_in_one_piece_gets_variables(plan):
    found = plan("pytest -q | tee log; node --test")
    assert found.script == "pytest -q | tee log; node --test"
    assert found.env["PYTEST_ADDOPTS"] == f"--junitxml=/w/R/pytest.xml {REPORT}"
    assert "node_report.mjs" in found.files
    assert "NODE_OPTIONS" in found.env
    assert "NODE_OPTIONS" not in plan("make test").env
