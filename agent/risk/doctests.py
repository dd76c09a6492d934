"""Examples in docstrings, which doctest runs as tests."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from doctest import DocTestParser, Example

from moot.agent.core.verification import FileVersions, IntegrityFlag

__all__ = ["changed_examples"]


def changed_examples(files: Iterable[FileVersions]) -> Iterator[IntegrityFlag]:
    """Yield one flag for each example that is gone from all Python code, or expects something else."""
    code = [file for file in files if file.path.endswith((".py", ".pyi"))]
    left = Counter(_content(example) for file in code for _, example in _examples(file.new))
    for file in code:
        for line, example in _examples(file.old):
            if left[_content(example)]:
                left[_content(example)] -= 1
                continue
            source = example.source.strip().partition("\n")[0]
            text = f"the doctest `{source}` is removed or expects something else"
            yield IntegrityFlag(file.path, line, "expected", text)


def _content(example: Example) -> tuple[str, str]:
    return example.source, example.want


def _examples(data: bytes | None) -> Iterator[tuple[int, Example]]:
    """Yield the examples of each docstring, with their lines, as far as doctest would read them."""
    if data is None or b">>>" not in data:
        return
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False) or ""
            with suppress(ValueError):
                found = DocTestParser().get_examples(text)
                yield from ((node.body[0].lineno + example.lineno, example) for example in found)
