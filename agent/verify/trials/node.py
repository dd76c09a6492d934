"""JavaScript: Node runs each trial in a process of its own, with the names of its module in reach."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

from moot.agent.core.trials import Observed, Trial
from moot.agent.syntax import new_parser
from moot.agent.verify.trials.base import RUNS, Runs, Work
from moot.agent.verify.trials.script import Recipe, run_script

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

__all__ = ["Node"]

_HARNESS = "trial.cjs"
_NAMED = re.compile(r"\s+as\s+")


class Node:
    """Trials in Node; TypeScript where the repository has tsx."""

    suffixes = frozenset((".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"))

    async def run(self, work: Work) -> Runs:
        """Run what parses."""
        recipes: dict[Trial, Recipe] = {}
        seen: dict[tuple[str, str], list[Observed]] = {}
        harness = files("moot.agent.verify.trials").joinpath(_HARNESS).read_text(encoding="utf-8")
        for number, trial in enumerate(work.trials):
            code = runnable(trial.code)
            if code is None:
                wrong = Observed("unusable", "SyntaxError: this is no JavaScript")
                seen.update({(name, trial.id): [wrong] * RUNS for name in work.versions})
                continue
            texts = {_HARNESS: harness, f"{number}.js": code, f"{number}.path": trial.path}
            words = f'node "$MOOT_TRIALS/{_HARNESS}" {number}'
            recipes[trial] = Recipe("node", words, texts)
        return {**seen, **(await run_script(work, recipes) if recipes else {})}


def runnable(code: str) -> str | None:
    """Return the body of an async function that returns the last expression in a list; None if it has errors.

    Imports, which are allowed at the top of a module only, become calls of `load`.
    """
    data = code.strip().encode()
    root = new_parser("javascript").parse(data).root_node
    if root.has_error:
        return None
    statements = [node for node in root.named_children if node.type != "comment"]
    edits = sorted({*_imports(root), *_last(statements[-1:])}, reverse=True)
    for start, end, text in edits:
        data = data[:start] + text.encode() + data[end:]
    return data.decode()


def _last(statements: "list[Syntax]") -> "Iterator[tuple[int, int, str]]":
    for last in statements:
        inner = last.named_children[0] if last.named_children else None
        if inner is None:
            return
        if last.type == "expression_statement":
            printing = inner.type == "call_expression" and _text(inner).startswith("console.log(")
            yield last.start_byte, inner.start_byte, "await (" if printing else "return [await ("
            yield inner.end_byte, last.end_byte, ");" if printing else ")];"
        name = inner.child_by_field_name("name") if inner.type == "variable_declarator" else None
        if name is not None and name.type == "identifier":
            yield last.end_byte, last.end_byte, f"\nreturn [{_text(name)}];"


def _imports(node: "Syntax") -> "Iterator[tuple[int, int, str]]":
    if node.type == "import_statement":
        yield node.start_byte, node.end_byte, _loaded(node)
        return
    if node.type == "import" and node.parent is not None and node.parent.type == "call_expression":
        yield node.start_byte, node.end_byte, "load"
    for child in node.children:
        yield from _imports(child)


def _loaded(node: "Syntax") -> str:
    """Return what stands for `import default, * as all, {name as other} from 'source'`."""
    source = node.child_by_field_name("source")
    call = f"await load({_text(source) if source else ''})"
    clause = next((child for child in node.named_children if child.type == "import_clause"), None)
    names = [_bound(child) for child in (clause.named_children if clause else ())]
    return " ".join([f"const {name} = {call};" for name in names] or [f"{call};"])


def _bound(part: "Syntax") -> str:
    if part.type == "identifier":
        return f"{{ default: {_text(part)} }}"
    if part.type == "namespace_import":
        return _text(part.named_children[-1])
    return _NAMED.sub(": ", _text(part))


def _text(node: "Syntax") -> str:
    return node.text.decode() if node.text else ""
