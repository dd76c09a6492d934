"""The little that repair asks of a syntax tree, for every language it knows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from tree_sitter import Node, Tree

from moot.agent.syntax import defects, language_of, new_parser

__all__ = ["COMMENTS", "Source", "is_statement", "walk"]

_FUNCTIONS = frozenset(
    {
        "function_definition",
        "function_declaration",
        "generator_function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "method_declaration",
        "function_item",
    }
)
_LANGUAGES = frozenset({"python", "javascript", "typescript", "tsx", "go", "rust"})  # whose nodes these are
_ANONYMOUS = frozenset({"arrow_function", "function_expression"})
_CLASSES = frozenset({"class_definition", "class_declaration", "impl_item"})
_BODIES = frozenset({"block", "module", "statement_block", "program", "statement_list", "source_file"})
_CASES = frozenset({"switch_case", "switch_default"})
_WITHOUT_BRACES = {
    "if_statement": ("consequence",),
    "for_statement": ("body",),
    "for_in_statement": ("body",),
    "while_statement": ("body",),
}
COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
_TEST_MARKS = re.compile(rb"#\[(?:\w+::)*(?:test|cfg\(test\)|rstest|bench)\b")
_BARE = re.compile(r"[\W_]*(?:\b(?:else|try|finally|do|end)\b[\W_]*)?")
_COMMENT = re.compile(r"\s*(?://|/\*|\*|#(?!\[))")
_NOT_STATEMENTS = frozenset(
    {
        *COMMENTS,
        *("empty_statement", "statement_list", "block", "statement_block"),
    }
)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, parents first, in order of position."""
    todo = [node]  # a loop: chains of operators nest deeper than calls may
    while todo:
        below = todo.pop()
        yield below
        todo += reversed(below.children)


def is_statement(node: Node) -> bool:
    """Tell a statement: a named child of a body, or what stands in a body's place without braces."""
    parent = node.parent
    if parent is None or not node.is_named or node.type in _NOT_STATEMENTS:
        return False
    if parent.type in _BODIES:
        return True
    in_case = parent.type in _CASES and node in parent.children_by_field_name("body")
    return in_case or (node.type.endswith("_statement") and _without_braces(node, parent))


def _without_braces(node: Node, parent: Node) -> bool:
    if parent.type == "else_clause":
        return node.type != "if_statement"
    return any(parent.child_by_field_name(field) == node for field in _WITHOUT_BRACES.get(parent.type, ()))


@dataclass(frozen=True)
class Source:
    """A file's bytes with its syntax tree, where its language is known."""

    path: str
    data: bytes
    tree: Tree | None
    defects: int

    @classmethod
    def parse(cls, path: str, data: bytes) -> "Source":
        """Parse a file; the tree is None where no nodes of the language are known here."""
        language = language_of(path)
        if language not in _LANGUAGES:
            return cls(path, data, None, 0)
        tree = new_parser(language).parse(data)
        return cls(path, data, tree, defects(tree.root_node))

    def with_span(self, start: int, end: int, text: bytes) -> "Source":
        """Return the file with one span of bytes replaced."""
        return Source.parse(self.path, self.data[:start] + text + self.data[end:])

    def function_at(self, byte: int) -> Node | None:
        """Return the innermost named function around a byte."""
        return self._around(byte, _FUNCTIONS - _ANONYMOUS)

    def function_at_line(self, line: int) -> Node | None:
        """Return the innermost named function around the first text of a line (1-based)."""
        start = self.line_start(line)
        return self.function_at(start + len(self.line(line)) - len(self.line(line).lstrip()))

    def line(self, number: int) -> str:
        """Return a line (1-based) without its end; empty beyond the file."""
        lines = self.lines
        return lines[number - 1].decode("utf-8", "replace") if 0 < number <= len(lines) else ""

    def line_start(self, number: int) -> int:
        """Return the byte at which a line (1-based) starts."""
        starts = self.starts
        return starts[number - 1] if 0 < number <= len(starts) else len(self.data)

    @cached_property
    def lines(self) -> list[bytes]:
        """Lines without their ends."""
        return self.data.split(b"\n")

    @cached_property
    def starts(self) -> list[int]:
        """First byte of each line."""
        return [0, *accumulate(len(line) + 1 for line in self.lines[:-1])]

    def _is_comment(self, line: int) -> bool:
        """Tell whether a line begins within a comment, by its looks where no tree tells."""
        if self.tree is None:
            return _COMMENT.match(self.line(line)) is not None
        text = self.lines[line - 1]
        start = self.line_start(line) + len(text) - len(text.lstrip())
        node = self.tree.root_node.descendant_for_byte_range(start, start + 1)
        return node is not None and (node.type in COMMENTS or self._above(node, COMMENTS) is not None)

    def has_code(self, line: int) -> bool:
        """Tell whether a line (1-based) is more than a comment, a bracket or the beginning of a function."""
        if _BARE.fullmatch(self.line(line)) or self._is_comment(line):
            return False
        end = self.line_start(line) + len(self.lines[line - 1].rstrip())
        function = self._around(end - 1, _FUNCTIONS)
        body = function.child_by_field_name("body") if function is not None else None
        if function is None or body is None or body.end_point.row + 1 == line or _is_argument(function):
            return True
        header = body.start_point.row + 1 - (not self.text(body).startswith("{"))
        return not function.start_point.row + 1 <= line <= header

    def in_test(self, line: int) -> bool:
        """Tell whether a line (1-based) is in what an attribute of Rust marks as a test."""
        node = self._around(self.line_start(line), frozenset({"function_item", "mod_item"}))
        while node is not None:
            mark = node.prev_named_sibling
            while mark is not None and mark.type == "attribute_item":
                if _TEST_MARKS.match(mark.text or b""):
                    return True
                mark = mark.prev_named_sibling
            node = self._above(node, frozenset({"function_item", "mod_item"}))
        return False

    def function_name(self, line: int) -> str:
        """Return the name of the innermost named function around a line (1-based); empty without one."""
        function = self.function_at_line(line)
        name = function.child_by_field_name("name") if function is not None else None
        return self.text(name) if name is not None else ""

    def definition_at_line(self, line: int) -> str:
        """Return the name of what the file defines around a line (1-based), the outermost; empty without."""
        nodes = self.tree.root_node.children if self.tree is not None else ()
        for node in nodes:
            if node.start_point.row < line <= node.end_point.row + 1:
                name = (node.child_by_field_name("definition") or node).child_by_field_name("name")
                return self.text(name) if name is not None else ""
        return ""

    def class_at(self, byte: int) -> Node | None:
        """Return the innermost class (or `impl`) around a byte."""
        return self._around(byte, _CLASSES)

    def functions(self) -> Iterator[tuple[str, Node]]:
        """Yield each named function's name and node."""
        if self.tree is None:
            return
        for node in walk(self.tree.root_node):
            name = node.child_by_field_name("name") if node.type in _FUNCTIONS else None
            if name is not None:
                yield self.text(name), node

    def statements(self, within: Node | None = None) -> Iterator[Node]:
        """Yield every statement, compound ones included."""
        if self.tree is not None:
            yield from filter(is_statement, walk(within or self.tree.root_node))

    def text(self, node: Node) -> str:
        """Return the text of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _around(self, byte: int, types: frozenset[str]) -> Node | None:
        if self.tree is None:
            return None
        node = self.tree.root_node.descendant_for_byte_range(byte, byte)
        return node if node is None or node.type in types else self._above(node, types)

    @staticmethod
    def _above(node: Node, types: frozenset[str]) -> Node | None:
        above = node.parent
        while above is not None and above.type not in types:
            above = above.parent
        return above


def _is_argument(function: Node) -> bool:
    """Tell a function that is passed on where it is written, so that its first line does something, too."""
    return function.type in _ANONYMOUS and function.parent is not None and function.parent.type == "arguments"
