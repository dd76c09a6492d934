"""The rule of each language, and the imports of a tree resolved by them."""

from collections.abc import Callable, Sequence

from moot.agent.index.imports.c import Include
from moot.agent.index.imports.ecmascript import EcmaScript
from moot.agent.index.imports.go import Go, package
from moot.agent.index.imports.jvm import Jvm
from moot.agent.index.imports.namespaces import CSharp, Php
from moot.agent.index.imports.python import Python
from moot.agent.index.imports.rust import Rust
from moot.agent.index.imports.scripts import Bash, Ruby
from moot.agent.index.imports.tree import Tree
from moot.agent.index.languages import language_of

__all__ = ["RULES", "Resolver"]

_LONGEST = 300  # characters of a module that is looked for

Rule = Callable[[str, str], Sequence[int]]
"""Takes a module as the extractor gives it and the path that imports it; returns the files meant."""

RULES: dict[str, Callable[[Tree], Rule]] = {
    "python": Python,
    "javascript": EcmaScript,
    "typescript": EcmaScript,
    "tsx": EcmaScript,
    "go": Go,
    "rust": Rust,
    "java": Jvm,
    "kotlin": Jvm,
    "scala": Jvm,
    "c": Include,
    "cpp": Include,
    "c_sharp": CSharp,
    "php": Php,
    "ruby": Ruby,
    "bash": Bash,
}
"""Language -> its rule. SQL imports nothing, and a module of Swift is a folder, whichever files are used."""


class Resolver:
    """Resolves the imports of one tree; each rule is made, and what it must know read, when first asked."""

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self._tree = tree
        self._rules: dict[Callable[[Tree], Rule], Rule] = {}

    def files(self, module: str, importer: str) -> Sequence[int]:
        """Return the files that a module means as `importer` writes it; none where that is in doubt."""
        make = RULES.get(language_of(importer))
        if make is None or len(module) > _LONGEST:
            return ()
        rule = self._rules.get(make)
        if rule is None:
            rule = self._rules[make] = make(self._tree)
        return rule(module, importer)

    def tested(self, test: str) -> Sequence[int]:
        """Return the files that a test is compiled with, and so need not import: in Go, its package."""
        return package(self._tree, test.rpartition("/")[0]) if test.endswith("_test.go") else ()
