"""What the documents refer to exists: tests that hold promises, and files."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_tests_exist(document):
    for path, name in re.findall(
        r"`(tests/(?:agent|sandbox|prompts|tools)/[\w/]+\.py)::(\w+)", document.read_text()
    ):
        assert name in functions(TOP / path), f"{document.name} names {path}::{name}"


def test_every_promise_has_a_test():
    rows = [line for line in (TOP / "docs/safety.md").read_text().splitlines() if line.startswith("|")]
    promises = [row for row in rows if not re.match(r"\|( promise |-)", row)]
    assert len(promises) > 30
    assert [row for row in promises if "`tests/" not in row.rsplit(" | ", 1)[-1]] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"
