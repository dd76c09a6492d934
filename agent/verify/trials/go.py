"""Go: a test in the package of the file, built anew for each version, with the trial as its body."""

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from moot.agent.core.trials import Observed, Trial
from moot.agent.syntax import new_parser
from moot.agent.verify.tree import Tree
from moot.agent.verify.trials.base import RUNS, Runs, Work
from moot.agent.verify.trials.script import Recipe, run_script

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Go", "written"]

_PACKAGE = re.compile(rb"^package\s+(\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import\s+(?:\(([^)]*)\)|((?:[\w.]+\s+)?\"[^\"]+\"))[ \t]*;?", re.MULTILINE)
_SPEC = re.compile(r"(?:([\w.]+)\s+)?\"([^\"]+)\"")
_CLAUSE = re.compile(r"^\s*package\s+\w+\s*")
_WRAP = "package p\nfunc _() {\n", "\n}\n"
# fmt: off
_KNOWN = {each.rpartition("/")[2]: each for each in (
    "bytes", "context", "encoding/hex", "encoding/json", "errors", "fmt", "io", "math", "math/big",
    "math/rand", "net/http", "net/url", "os", "path", "path/filepath", "reflect", "regexp", "sort",
    "strconv", "strings",
    "sync", "time", "unicode", "unicode/utf8",
)}
# fmt: on
"""Packages that code may use without importing them."""

_TEST = """\
package %(package)s

import (
	mootjson "encoding/json"
	mootfmt "fmt"
	mootos "os"
	mootstrings "strings"
	moottesting "testing"
%(imports)s
)

var mootTrialSaid []string

func mootTrialValue(values ...interface{}) {
	for _, value := range values {
		if err, ok := value.(error); ok {
			mootTrialSaid = append(mootTrialSaid, "error: "+err.Error())
		} else {
			mootTrialSaid = append(mootTrialSaid, mootfmt.Sprintf("%%#v", value))
		}
	}
}

func TestMootTrial(t *moottesting.T) {
	answer, kind := mootos.Stdout, "error"
	mootos.Stdout, _ = mootos.CreateTemp("", "moot")
	defer func() {
		printed, _ := mootos.ReadFile(mootos.Stdout.Name())
		if len(printed) > 20000 {
			printed = printed[:20000]
		}
		text := mootstrings.TrimSpace(string(printed) + "\\n" + mootstrings.Join(mootTrialSaid, ", "))
		if reason := recover(); reason != nil {
			text = "panic: " + mootfmt.Sprint(reason)
		}
		if len(text) > 400 {
			text = text[:400]
		}
		_ = mootjson.NewEncoder(answer).Encode(map[string]string{"kind": kind, "text": text})
	}()
	{
%(body)s
	}
	kind = "value"
}
"""
_BUILD = """\
folder="$1"; number="$2"; binary="$MOOT_TRIALS/$2.test"
rm -f "$binary"
cp "$MOOT_TRIALS/$number.go" "$folder/moot_trial_test.go" &&
    (cd "$folder" && go test -c -vet=off -o "$binary" .) >"$MOOT_TRIALS/$number.log" 2>&1
rm -f "$folder/moot_trial_test.go"
"""
_RUN = """\
folder="$1"; number="$2"; binary="$MOOT_TRIALS/$2.test"
if [ -x "$binary" ]; then
    cd "$folder" && exec "$binary" -test.run '^TestMootTrial$'
fi
kind=error
if grep -q 'moot_trial_test.go' "$MOOT_TRIALS/$number.log"; then kind=unusable; fi
line="$(grep -v '^#' "$MOOT_TRIALS/$number.log" | head -n 1 | tr -d '"\\\\' | tr -c '[:print:]' ' ')"
printf '{"kind": "%s", "text": "does not compile: %s"}\\n' "$kind" "$line"
"""


class Go:
    """Trials as tests of their package, which see what it does not export, too."""

    suffixes = frozenset((".go",))

    async def run(self, work: Work) -> Runs:
        """Run what parses."""
        recipes: dict[Trial, Recipe] = {}
        seen: dict[tuple[str, str], list[Observed]] = {}
        for number, trial in enumerate(work.trials):
            with ExitStack() as stack:
                package = _PACKAGE.search(Tree.open(work.workspace, stack).read(trial.path))
            test = written(trial.code, package[1].decode()) if package else None
            if test is None:
                wrong = Observed(
                    "unusable", "it is no Go that can stand in a function of this file's package"
                )
                seen.update({(name, trial.id): [wrong] * RUNS for name in work.versions})
                continue
            folder = shlex.quote(f"./{PurePosixPath(trial.path).parent}")
            recipes[trial] = Recipe(
                "go",
                f'sh "$MOOT_TRIALS/go-run.sh" {folder} {number}',
                {f"{number}.go": test, "go-build.sh": _BUILD, "go-run.sh": _RUN},
                f'sh "$MOOT_TRIALS/go-build.sh" {folder} {number}',
            )
        return {**seen, **(await run_script(work, recipes) if recipes else {})}


def written(code: str, package: str) -> str | None:
    """Return the file of a test whose body is the code; None where that has errors."""
    found = [spec for whole in _IMPORT.finditer(code) for spec in _SPEC.findall(whole[1] or whole[2])]
    body = _CLAUSE.sub("", _IMPORT.sub("", _CLAUSE.sub("", code))).strip()
    ours = any(path.rpartition("/")[2] == package for _, path in found)
    body = re.sub(rf"\b{package}\.(?={'[A-Za-z]' if ours else '[A-Z]'})", "", body)  # as from outside
    text = _WRAP[0] + body + _WRAP[1]
    root = new_parser("go").parse(text.encode()).root_node
    if root.has_error or not body:
        return None
    imports = {path: name for name, path in found if path.rpartition("/")[2] != package}
    named = {name or path.rpartition("/")[2] for path, name in imports.items()}
    for name in set(re.findall(r"\b([a-z]\w*)\.", body)) & _KNOWN.keys() - named - {package}:
        imports[_KNOWN[name]] = ""
    used = {path: name for path, name in imports.items() if _uses(body, name or path.rpartition("/")[2])}
    lines = "\n".join(f'\t{name} "{path}"' for path, name in sorted(used.items()))
    return _TEST % {"package": package, "imports": lines, "body": _observed(root, text)}


def _uses(body: str, name: str) -> bool:
    return name in ("_", ".") or re.search(rf"\b{re.escape(name)}\.", body) is not None


def _observed(root: "Node", text: str) -> str:
    """Return the body, its last expression, or what its last line assigns, handed to what notes it."""
    data = text.encode()
    statements = [node for node in _statements(root) if node.type != "comment"]
    start, end = len(_WRAP[0].encode()), len(data) - len(_WRAP[1].encode())
    if not statements:
        return data[start:end].decode()
    last = statements[-1]
    words = (last.text or b"").decode()
    left = last.child_by_field_name("left") if last.type.startswith(("short_var", "assignment")) else None
    if last.type == "expression_statement" and not words.startswith("fmt.Print"):
        words = f"mootTrialValue({words})"
    elif left is not None and left.text:
        names = [name for name in left.text.decode().split(",") if name.strip() != "_"]
        words += f"\nmootTrialValue({', '.join(names)})"
    return (data[start : last.start_byte] + words.encode() + data[last.end_byte : end]).decode()


def _statements(node: "Node") -> "Iterator[Node]":
    """Yield the statements of the one function."""
    for child in node.named_children:
        if child.type == "function_declaration":
            body = child.child_by_field_name("body")
            for each in body.named_children if body else ():
                yield from each.named_children if each.type == "statement_list" else (each,)
