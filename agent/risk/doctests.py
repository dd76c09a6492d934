"""Examples in docstrings, which doctest runs as tests."""

import ast
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from doctest import DocTestParser, Example

from moot.agent.core.verification import IntegrityFlag

__all__ = ["changed_examples"]


def changed_examples(path: str, old: bytes | None, new: bytes) -> Iterator[IntegrityFlag]:
    """Yield one flag for each example that is gone from Python code, or expects something else."""
    if old is None or not path.endswith((".py", ".pyi")) or b">>>" not in old:
        return
    left = Counter(_content(example) for _, example in _examples(new))
    for line, example in _examples(old):
        if left[_content(example)]:
            left[_content(example)] -= 1
        else:
            source = example.source.strip().partition("\n")[0]
            text = f"the doctest `{source}` is removed or expects something else"
            yield IntegrityFlag(path, line, "expected", text)


def _content(example: Example) -> tuple[str, str]:
    return example.source, example.want


def _examples(data: bytes) -> Iterator[tuple[int, Example]]:
    """Yield the examples of each docstring, with their lines, as far as doctest would read them."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False) or ""
            with suppress(ValueError):
                found = DocTestParser().get_examples(text)
                yield from ((node.body[0].lineno + example.lineno, example) for example in found)
