import pytest

from moot.agent.verify.detect import detect


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"README.md": ""}, None),
        ({"src/a.py": "", "setup.py": ""}, None),
        ({"pytest.ini": "", "tests/test_a.py": ""}, "python3 -m pytest"),
        ({"test_a.py": "def test(): pass"}, "python3 -m pytest"),
        ({"pyproject.toml": "[tool.pytest.ini_options]", "tests/cases.py": ""}, "python3 -m pytest"),
        (
            {"tests/test_a.py": "import unittest"},
            "python3 -m unittest discover -s tests -p 'test*.py'",
        ),
        (
            {"tests/__init__.py": "", "tests/test_a.py": "import unittest"},
            "python3 -m unittest discover -s tests -t . -p 'test*.py'",
        ),
        ({"requirements-dev.txt": "pytest", "tests/test_a.py": "import unittest"}, "python3 -m pytest"),
        ({"package.json": '{"scripts": {"test": "vitest run"}}'}, "npm test"),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, None),
        ({"package.json": "{"}, None),
        ({"package.json": "[]"}, None),
        ({"go.mod": ""}, "go test ./..."),
        ({"Cargo.toml": ""}, "cargo test"),
        ({"Makefile": "all:\n\ntest: all\n\ttrue\n"}, "make test"),
        ({"Makefile": "test := 1\n"}, None),
        ({"Cargo.toml": "", "Makefile": "test:\n"}, "cargo test"),
    ],
)
def test_detect(files, command):
    assert detect(sorted(files), lambda path: files[path].encode()) == command
