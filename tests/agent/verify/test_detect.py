"""Small trees, and what is found in them: pure."""

import time

import pytest

from moot.agent.verify.detect import Found, detect

PYTEST = "python3 -m pytest"
UNITTEST = "import unittest"
DISCOVER = "python3 -m unittest discover -s tests -p 'test*.py'"
NPM_DEFAULT = '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'


def found(files: dict[str, str], **options: str) -> tuple[Found, ...]:
    return detect(files, lambda path: files[path].encode(), **options)


def script(text: str, more: str = "") -> str:
    return f'{{"scripts": {{"test": "{text}"}}{more}}}'


@pytest.mark.parametrize(
    ("files", "command", "source"),
    [
        ({"pytest.ini": "", "tests/test_a.py": ""}, PYTEST, "pytest.ini"),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]", "tests/cases.py": ""},
            PYTEST,
            "pyproject.toml: tool.pytest",
        ),
        ({"setup.cfg": "[tool:pytest]"}, PYTEST, "setup.cfg: [tool:pytest]"),
        ({"tox.ini": "[pytest]"}, PYTEST, "tox.ini: [pytest]"),
        (
            {"pyproject.toml": "[dependency-groups]\ndev = ['pytest>=8']", "tests/test_a.py": UNITTEST},
            PYTEST,
            "pyproject.toml: dependency-groups.dev",
        ),
        (
            {"pyproject.toml": "[tool.poetry.dev-dependencies]\npytest = '*'", "tests/a.py": ""},
            PYTEST,
            "pyproject.toml: tool.poetry.dev-dependencies",
        ),
        (
            {"requirements-dev.txt": "a\npytest", "tests/test_a.py": UNITTEST},
            PYTEST,
            "requirements-dev.txt:2",
        ),
        ({"test_a.py": "def test(): pass"}, PYTEST, "test_a.py"),
        ({"tests/conftest.py": "", "tests/test_a.py": UNITTEST}, PYTEST, "tests/conftest.py"),
        ({"tests/test_a.py": UNITTEST}, DISCOVER, "tests/test_a.py"),
        (
            {"my tests/test_a.py": UNITTEST},
            "python3 -m unittest discover -s 'my tests' -p 'test*.py'",
            "my tests/test_a.py",
        ),
        (
            {"tests/__init__.py": "", "tests/test_a.py": UNITTEST},
            "python3 -m unittest discover -s tests -t . -p 'test*.py'",
            "tests/test_a.py",
        ),
        (
            {"tox.ini": "[testenv]\ndeps = x\ncommands =\n  pip list\n  pytest {posargs:-q tests}\n"},
            "pytest -q tests",
            "tox.ini: [testenv]",
        ),
        (
            {"tox.ini": "[testenv:py]\ncommands = {envpython} -m unittest\n"},
            "python3 -m unittest",
            "tox.ini: [testenv:py]",
        ),
        (
            {
                "noxfile.py": "def tests(session):\n    session.install('x')\n"
                "    session.run('pytest', '-q', *session.posargs)\n"
            },
            "pytest -q",
            "noxfile.py:3",
        ),
        ({"manage.py": "import django", "app/tests.py": UNITTEST}, "python3 manage.py test", "manage.py"),
        ({"package.json": script("vitest")}, "npm test", "package.json:1"),
        ({"package.json": script("jest"), "yarn.lock": ""}, "yarn test", "package.json:1"),
        ({"package.json": script("jest"), "pnpm-lock.yaml": ""}, "pnpm test", "package.json:1"),
        (
            {"package.json": script("x", ', "packageManager": "pnpm@9"'), "yarn.lock": ""},
            "pnpm test",
            "package.json:1",
        ),
        ({"package.json": script("x"), "bun.lock": ""}, "bun run test", "package.json:1"),
        ({"package.json": '{"scripts": {"test:unit": "mocha"}}'}, "npm run test:unit", "package.json:1"),
        ({"package.json": '{"devDependencies": {"vitest": "3"}}'}, "npx vitest run", "package.json:1"),
        ({"package.json": NPM_DEFAULT, "jest.config.js": ""}, "npx jest", "jest.config.js"),
        ({"package.json": "{}", "a.test.mjs": "\nimport 'node:test'"}, "node --test", "a.test.mjs:2"),
        ({"go.mod": ""}, "go test ./...", "go.mod"),
        ({"go.work": "go 1.22\nuse (\n\t./a\n\t./b\n)\n"}, "go test ./a/... ./b/...", "go.work"),
        ({"go.work": "use .", "go.mod": ""}, "go test ./...", "go.work"),
        ({"Cargo.toml": "[package]"}, "cargo test", "Cargo.toml"),
        ({"Cargo.toml": f"a = {'1' * 5_000}"}, "cargo test", "Cargo.toml"),
        ({"Cargo.toml": "[workspace]"}, "cargo test --workspace", "Cargo.toml"),
        ({"Cargo.toml": "", ".config/nextest.toml": ""}, "cargo nextest run", ".config/nextest.toml"),
        ({"test/a.bats": ""}, "bats test", "test/a.bats"),
        ({"t/a.t": ""}, "prove -lr t", "t/a.t"),
        ({"Makefile": "all:\n\ntest: all\n\ttrue\n"}, "make test", "Makefile:3"),
        ({"Makefile": ".PHONY: test\ntest tests:\n\ttrue\n"}, "make test", "Makefile:2"),
        ({"api/go.mod": "", "web/package.json": "{}"}, "cd api && go test ./...", "api/go.mod"),
        (
            {
                "backend/pyproject.toml": "[tool.pytest.ini_options]",
                "backend/tests/conftest.py": "",
                "backend/tests/test_a.py": "",
                "frontend/package.json": "{}",
                "examples/test_b.py": "",
            },
            f"cd backend && {PYTEST}",
            "backend/pyproject.toml: tool.pytest",
        ),
        (
            {"package.json": "{}", "backend/setup.py": "", "backend/test_a.py": ""},
            f"cd backend && {PYTEST}",
            "backend/test_a.py",
        ),
        ({"a/setup.py": "", "a/test_a.py": "", "tests/test_b.py": ""}, PYTEST, "a/test_a.py"),
        (
            {"a/setup.py": "", "a/test_a.py": "", "requirements/test.txt": "pytest"},
            PYTEST,
            "requirements/test.txt:1",
        ),
        ({"a/setup.py": "", "a/test_a.py": "", "go.mod": "", "b.py": ""}, PYTEST, "a/test_a.py"),
    ],
)
def test_the_first_choice(files, command, source):
    first = found(files)[0]
    assert (first.command, first.source) == (command, source)
    assert first.reason


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"README.md": ""},
        {"src/a.py": "", "setup.py": ""},
        {"package.json": NPM_DEFAULT},
        {"package.json": "{"},
        {"package.json": "[]"},
        {"package.json": '{"scripts": {"test": 3}}'},
        {"package.json": "[" * 10_000},
        {"pyproject.toml": "[tool", "src/a.py": ""},
        {"pyproject.toml": f"[tool.pytest]\na = {'1' * 5_000}", "src/a.py": ""},
        {"tox.ini": "x", "src/a.py": ""},
        {"noxfile.py": "(", "src/a.py": ""},
        {"Makefile": "test := 1\n"},
        {".github/workflows/a.yml": "jobs: ["},
        {".github/workflows/a.yml": "[" * 50_000},
        {".github/workflows/a.yml": "run: ls\n"},
        {".github/workflows/a.yml": "run: &a [*a]\n"},
        {"AGENTS.md": "# Style\n```\npytest\n```\n"},
        {"node_modules/x/package.json": script("jest")},
        {"vendor/x/go.mod": ""},
    ],
)
def test_nothing_is_found(files):
    assert found(files) == ()


WORKFLOW = """\
on: push
jobs:
  test:
    steps:
      - uses: actions/checkout@v4
      - run: pip install .
      - name: unit
        working-directory: lib
        run: |
          echo start
          pytest -q \\
            tests
      - run: pytest ${{ matrix.args }}
      - run: npm test
      - run: pytest
        shell: pwsh
"""


def test_ci():
    commands = {each.command: each for each in found({".github/workflows/ci.yml": WORKFLOW})}
    assert list(commands) == ["cd lib && pytest -q tests", "npm test"]
    unit = commands["cd lib && pytest -q tests"]
    assert (unit.source, unit.framework, unit.suggested) == (".github/workflows/ci.yml:11", "pytest", True)
    assert commands["npm test"].source == ".github/workflows/ci.yml:14"


IN_FOLDERS = """\
defaults:
  run:
    working-directory: web app
jobs:
  a:
    steps:
      - run: npm test
      - run: make test
        working-directory: .
      - run: |
          cd ../lib && pip install . || exit 1
          pytest -q
          cd ..; cd other
          go test ./...
          cd $HOME
          bats tests
      - run: make check
  b:
    defaults:
      run:
        working-directory: core
    steps:
      - run: cargo test
"""


def test_ci_in_folders():
    commands = [each.command for each in found({".github/workflows/ci.yml": IN_FOLDERS})]
    assert commands == [
        "cd 'web app' && npm test",
        "make test",
        "cd lib && pytest -q",
        "cd other && go test ./...",
        "cd 'web app' && make check",
        "cd core && cargo test",
    ]


@pytest.mark.parametrize("line", ["cd $(dirname x)/lib", "cd lib # as ever", "cd lib >/dev/null", "cd"])
def test_a_folder_that_is_not_known_has_no_tests(line):
    step = f"jobs:\n  a:\n    steps:\n      - run: |\n          {line}\n          pytest\n"
    assert found({".github/workflows/ci.yml": step}) == ()


def test_one_shell_runs_all_lines_of_a_script():
    text = "unit:\n  script:\n    - cd lib\n    - pip install .\n    - pytest\nother:\n  script: make test\n"
    first, second = found({".gitlab-ci.yml": text})
    assert (first.command, first.source) == ("cd lib && pytest", ".gitlab-ci.yml:5")
    assert second.command == "make test"


@pytest.mark.parametrize("top", ["{}", script("jest")], ids=["tests-in-parts", "tests-at-the-top"])
def test_a_repository_of_thousands_of_parts_takes_no_time(top):
    names = ("package.json", "index.ts", "a/b.py", "a/c.ts", "tsconfig.json")
    files = {f"types/p{part}/{name}": "{}" for part in range(2_000) for name in names}
    began = time.perf_counter()
    found({**files, "package.json": top, "types/p7/package.json": script("jest")})
    assert time.perf_counter() - began < 4


def test_a_part_is_all_that_lies_in_its_folder():
    files = {"api/go.mod": "", "api-v2/go.mod": "", "api.md": "", "api/a.go": "", "api0/a.py": "", "apis": ""}
    assert [each.command for each in found(files)] == [
        "cd api && go test ./...",
        "cd api-v2 && go test ./...",
    ]


def test_a_row_of_cd_without_end_takes_no_time():
    text = "jobs:\n  a:\n    steps:\n      - run: |\n" + "          cd a\n" * 8_000 + "          pytest\n"
    began = time.perf_counter()
    assert found({".github/workflows/ci.yml": text}) == ()
    assert time.perf_counter() - began < 4


def test_a_step_behind_many_aliases_is_read_once():
    lists = "\n".join(f"- &a{level + 1} [*a{level}, *a{level}]" for level in range(40))
    (first,) = found({".gitlab-ci.yml": f"lists:\n- &a0 make test\n{lists}\nscript: *a40\n"})
    assert (first.command, first.source) == ("make test", ".gitlab-ci.yml:2")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitlab-ci.yml", "unit:\n  script:\n    - make test\n"),
        (".circleci/config.yml", "jobs:\n  a:\n    steps:\n      - run:\n          command: make test\n"),
        (".travis.yml", "script: make test\n"),
        ("azure-pipelines.yml", "steps:\n- script: make test\n"),
    ],
)
def test_other_ci(path, text):
    (first,) = found({path: text})
    assert (first.command, first.suggested) == ("make test", True)
    assert text.splitlines()[int(first.source.rpartition(":")[2]) - 1].endswith("make test")


def test_agents_file():
    tests = "## Running the tests\n\nUse `go test ./x` or\n\n```sh\n$ make test\nrm -rf /\n```\n"
    text = f"# A\n\n{tests}\n# Style\n\n`pytest`\n"
    first, second = found({"AGENTS.md": text})
    assert (first.command, first.source, first.framework) == ("go test ./x", "AGENTS.md:5", "go")
    assert (second.command, second.source) == ("make test", "AGENTS.md:8")
    assert first.suggested


def test_folders_in_an_agents_file():
    text = "# Tests\n```\ncd a && pytest\ncd b && npm test\n```\n```\ncd c\ngo test ./...\n```\n"
    commands = [each.command for each in found({"AGENTS.md": text})]
    assert commands == ["cd a && pytest", "cd b && npm test", "cd c && go test ./..."]


def test_what_a_settings_file_suggests_comes_first():
    first, second = found({"go.mod": ""}, suggestion="make check")
    assert (first.command, first.source, first.suggested) == ("make check", "test_suggestion", True)
    assert second.command == "go test ./..."


def test_every_way_is_listed_once():
    files = {
        "pytest.ini": "",
        "tests/test_a.py": UNITTEST,
        "Makefile": "test:\n\tpytest\n",
        ".travis.yml": f"script: {PYTEST}",
    }
    assert [each.command for each in found(files)] == [PYTEST, DISCOVER, "make test"]


def test_the_language_of_most_files_comes_first():
    files = {"Cargo.toml": "", "pytest.ini": "", "a.py": "", "b.rs": "", "c.rs": ""}
    assert [each.framework for each in found(files)] == ["cargo", "pytest"]
    assert found(files, task="fix a.py.")[0].framework == "pytest"


def test_parts_of_a_monorepo():
    files = {
        "packages/web app/package.json": script("vitest"),
        "packages/web app/a.ts": "",
        "packages/api/pyproject.toml": "[tool.pytest.ini_options]",
    }
    first, second = found(files)
    assert first.command == "cd 'packages/web app' && npm test"
    assert first.source == "packages/web app/package.json:1"
    assert second.command == "cd packages/api && python3 -m pytest"
    assert found(files, task="in packages/api")[0] == second
