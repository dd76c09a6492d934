"""A JSON answer -> edits, and the grammar that a server with structured output holds it to."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from moot.agent.core.errors import EditRejected
from moot.agent.core.surrogates import has_surrogates
from moot.agent.edits.diff import parse_diff
from moot.agent.edits.forms import (
    AddImports,
    DeleteFile,
    Edit,
    RenameFile,
    SearchReplace,
    SetMode,
    SymbolAction,
    SymbolEdit,
    WholeFile,
)

__all__ = ["ANSWER_SCHEMA", "parse_json"]


_ACTIONS: dict[str, SymbolAction] = {"symbol": "replace", "insert_after": "after", "insert_before": "before"}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _plain_ends(cls, value: object) -> object:
        """Leave the ends of lines to the file: an escape may hold others."""
        return value.replace("\r\n", "\n") if isinstance(value, str) else value


class _SearchReplace(_Shape):
    kind: Literal["search_replace"]
    path: str
    search: str
    replace: str

    def edits(self) -> list[Edit]:
        return [SearchReplace(self.path, self.search, self.replace)]


class _Symbol(_Shape):
    kind: Literal["symbol", "insert_after", "insert_before"]
    path: str
    symbol: str
    text: str

    def edits(self) -> list[Edit]:
        return [SymbolEdit(self.path, self.symbol, self.text, _ACTIONS[self.kind])]


class _DeleteSymbol(_Shape):
    kind: Literal["delete_symbol"]
    path: str
    symbol: str

    def edits(self) -> list[Edit]:
        return [SymbolEdit(self.path, self.symbol, "", "delete")]


class _Text(_Shape):
    kind: Literal["import", "file"]
    path: str
    text: str

    def edits(self) -> list[Edit]:
        return [(WholeFile if self.kind == "file" else AddImports)(self.path, self.text)]


class _Delete(_Shape):
    kind: Literal["delete"]
    path: str

    def edits(self) -> list[Edit]:
        return [DeleteFile(self.path)]


class _Rename(_Shape):
    kind: Literal["rename"]
    path: str
    to: str

    def edits(self) -> list[Edit]:
        return [RenameFile(self.path, self.to)]


class _Mode(_Shape):
    kind: Literal["mode"]
    path: str
    mode: Literal["100644", "100755"]

    def edits(self) -> list[Edit]:
        return [SetMode(self.path, self.mode)]


class _Diff(_Shape):
    kind: Literal["diff"]
    diff: str

    def edits(self) -> list[Edit]:
        return parse_diff(self.diff)


class _Answer(_Shape):
    edits: list[_Symbol | _SearchReplace | _DeleteSymbol | _Text | _Delete | _Rename | _Mode | _Diff] = Field(
        min_length=1
    )


ANSWER_SCHEMA = _Answer.model_json_schema()
"""The grammar of every form, for servers with structured output."""


def parse_json(text: str) -> list[Edit]:
    """Read an answer of the schema.

    Raises:
        EditRejected: it is not JSON of the schema.
    """
    try:
        answer = _Answer.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:100]
        raise EditRejected(
            f"the answer is not JSON of the given schema: {where}: {first['msg'][:300]}"
        ) from exc
    edits = [edit for shape in answer.edits for edit in shape.edits()]
    if any(has_surrogates(text) for edit in edits for text in _texts(edit)):
        raise EditRejected("the answer is not UTF-8: it holds a lone surrogate")
    return edits


def _texts(edit: Edit) -> list[str]:
    values = [getattr(edit, name) for name in edit.__slots__]
    return [value for value in values if isinstance(value, str)]
