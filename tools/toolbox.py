"""The tools of the explore step: read-only, over the base commit, never over the working tree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moot.agent.core.errors import ToolRefused
from moot.agent.core.messages import ToolCall
from moot.agent.core.ports import Index
from moot.agent.core.types import TreeEntry
from moot.agent.screen import why_not_file, why_not_symbol

__all__ = ["ToolBox"]

_MAX_LINES = 200
_MAX_RESULTS = 20


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Search(_Arguments):
    """Find files and symbols by words."""

    query: str = Field(min_length=1, max_length=400)


class FindSymbol(_Arguments):
    """Find where a function, method or class is defined."""

    name: str = Field(min_length=1, max_length=200)


class ReadFile(_Arguments):
    """Read lines of a file, 200 at most."""

    path: str = Field(min_length=1, max_length=1000)
    first_line: int = Field(1, ge=1)


@dataclass(frozen=True, slots=True)
class ToolBox:
    """Runs tool calls over one commit.

    Attributes:
        index: the index of that commit.
        entries: its files, by path.
        read: blob id -> bytes.
    """

    index: Index
    entries: Mapping[str, TreeEntry]
    read: Callable[[str], bytes]

    def schemas(self) -> tuple[Mapping[str, object], ...]:
        """Return the tools as OpenAI function definitions, sorted by name."""
        tools = {"find_symbol": FindSymbol, "read_file": ReadFile, "search": Search}
        return tuple(
            {
                "type": "function",
                "function": {
                    "name": name,
                    "description": model.__doc__,
                    "parameters": model.model_json_schema(),
                },
            }
            for name, model in tools.items()
        )

    def call(self, call: ToolCall) -> str:
        """Run one call and return the text for the model.

        Raises:
            ToolRefused: an unknown tool, bad arguments, or a file that is not there or must not be shown.
        """
        try:
            arguments = call.arguments or "{}"
            match call.name:
                case "search":
                    return self._search(Search.model_validate_json(arguments))
                case "find_symbol":
                    return self._find(FindSymbol.model_validate_json(arguments))
                case "read_file":
                    return self._read(ReadFile.model_validate_json(arguments))
                case _:
                    raise ToolRefused(f"there is no tool {call.name!r}")
        except ValidationError as exc:
            raise ToolRefused(f"bad arguments for {call.name}: {exc}") from exc

    def path_of(self, call: ToolCall) -> str:
        """Return the path that a valid `read_file` call names."""
        return ReadFile.model_validate_json(call.arguments).path

    def _search(self, arguments: Search) -> str:
        found = self.index.search(arguments.query, _MAX_RESULTS)
        return "\n".join(f"{file.path}: {', '.join(file.symbols[:5])}" for file in found) or "nothing found"

    def _find(self, arguments: FindSymbol) -> str:
        found = (symbol for symbol in self.index.find(arguments.name) if why_not_symbol(symbol) is None)
        shown = islice(found, _MAX_RESULTS)
        lines = [f"{each.path}:{each.start_line}: {each.signature}" for each in shown]
        return "\n".join(lines) or f"no definition of {arguments.name}"

    def _read(self, arguments: ReadFile) -> str:
        entry = self.entries.get(arguments.path)
        if entry is None or entry.mode not in ("100644", "100755"):
            raise ToolRefused(f"there is no file {arguments.path}")
        data = self.read(entry.blob)
        if reason := why_not_file(entry.path, data):
            raise ToolRefused(f"{arguments.path} is not shown: {reason}")
        # Lines are those of the index, which ends them at "\n" only.
        text = data.decode("utf-8", "replace").removesuffix("\n")
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        start = arguments.first_line - 1
        return "\n".join(lines[start : start + _MAX_LINES]) or "no such lines"
