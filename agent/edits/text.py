"""A file as lines: its encoding, its byte order mark and the end of each line are kept."""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from moot.agent.core.errors import EditRejected

__all__ = ["Document", "new_document", "read_document"]

_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_DECLARED = re.compile(
    rb"^[ \t\f]*#.*?coding[=:][ \t]*([-\w.]+)|-\*-.*?coding:[ \t]*([-\w.]+)|\bvim?:.*?encoding=([-\w.]+)"
    rb"|<\?xml[^>]*\bencoding=[\"']([-\w.]+)|@charset \"([-\w.]+)\"",
    re.MULTILINE,
)
"""PEP 263, Emacs, Vim, XML, CSS; all of them stand in the first two lines. Another file's word is none."""

# Encodings in which every ASCII byte is itself, so that code stays code; others are refused as binary.
_ASCII_LIKE = re.compile(
    r"(?:ascii|us-?ascii|latin-?1|iso-?8859-?\d{1,2}|(?:cp|windows-?)125\d|koi8-?[ru]|euc-?(?:jp|kr)|gbk|gb2312"
    r"|gb18030|big5|shift-?jis|cp9(?:32|49|50)|mac-?roman|cp437|cp850)"
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text file. `lines` have no ends; `ends` has one for each of them, empty for an unfinished last.

    Attributes:
        hidden: why no line of it may be in a message to the model; None when they may.
    """

    lines: tuple[str, ...]
    ends: tuple[str, ...]
    encoding: str = "utf-8"
    bom: bool = False
    hidden: str | None = None

    @property
    def usual_end(self) -> str:
        """The end that most lines have; a newline where there is none."""
        counts = Counter(end for end in self.ends if end)
        return max(counts, key=lambda end: (counts[end], end == "\n")) if counts else "\n"

    def joined(self) -> bytes:
        """Return the text in UTF-8 with plain newlines: what grammars read, with the same line numbers."""
        return "".join(
            f"{line}\n" if end else line for line, end in zip(self.lines, self.ends, strict=True)
        ).encode("utf-8", "replace")

    def data(self, path: str) -> bytes:
        """Return the file's bytes.

        Raises:
            EditRejected: the file's encoding has no such character.
        """
        text = "".join(line + end for line, end in zip(self.lines, self.ends, strict=True))
        data = self.encode(text, path)
        return _BOM + data if self.bom else data

    def encode(self, text: str, path: str) -> bytes:
        """Return a text in the file's encoding.

        Raises:
            EditRejected: the encoding has no such character.
        """
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as exc:
            bad = text[exc.start]
            raise EditRejected(
                f"{path} is in {self.encoding}, which has no {bad!r}: write it otherwise"
            ) from exc

    def splice(self, start: int, end: int, new: Sequence[str | int]) -> "Document":
        """Replace the lines [start, end).

        Args:
            start: index of the first line that goes.
            end: index after the last one.
            new: texts of new lines, and indices of old lines that stay as they are, ends included.
        """
        usual = self.usual_end
        lines = [self.lines[item] if isinstance(item, int) else item for item in new]
        ends = [self.ends[item] if isinstance(item, int) else usual for item in new]
        lines = [*self.lines[:start], *lines, *self.lines[end:]]
        ends = [*self.ends[:start], *ends, *self.ends[end:]]
        if ends:
            # Only the last line may be unfinished, and it is when the old last one was.
            finished = self.ends[-1] if self.ends else usual
            ends = [end or usual for end in ends[:-1]] + [finished and (ends[-1] or usual)]
        before, after = (_declared(_head(text)) for text in (self.lines, lines))
        encoding = self.encoding if self.bom or before == after else _codec(after)
        return replace(self, lines=tuple(lines), ends=tuple(ends), encoding=encoding)

    def finished(self, final_newline: bool) -> "Document":
        """Return the text with or without a newline at its end."""
        if not self.ends or bool(self.ends[-1]) is final_newline:
            return self
        return replace(self, ends=(*self.ends[:-1], self.usual_end if final_newline else ""))


def read_document(path: str, data: bytes) -> Document:
    """Take a file apart.

    Raises:
        EditRejected: it is not text in an encoding that can be edited.
    """
    if data.startswith(_WIDE_BOMS):
        raise EditRejected(f"{path} is in UTF-16 or UTF-32 and may not be edited as text")
    if b"\0" in data:
        raise EditRejected(f"{path} is binary and may not be edited as text")
    bom = data.startswith(_BOM)
    text, encoding = _decode(data.removeprefix(_BOM), "utf-8" if bom else _declared(data))
    return replace(new_document(text), encoding=encoding, bom=bom)


def new_document(text: str) -> Document:
    """Return the lines of a text; a lone carriage return ends one only where nothing else does."""
    end = r"\r\n|\n" if "\n" in text else r"\r"
    parts = re.split(f"({end})", text)
    lines, ends = parts[::2], [*parts[1::2], ""]
    if not lines[-1]:
        lines, ends = lines[:-1], ends[:-1]
    return Document(tuple(lines), tuple(ends), _codec(_declared(_head(lines))))


def _head(lines: Sequence[str]) -> bytes:
    return "\n".join(lines[:2]).encode("utf-8", "replace")


def _codec(declared: str) -> str:
    """Return the encoding to write in; UTF-8 where the declared one is unknown, or does not hold ASCII."""
    if _ASCII_LIKE.fullmatch(declared):
        with suppress(LookupError):
            codecs.lookup(declared)
            return declared
    return "utf-8"


def _declared(data: bytes) -> str:
    head = b"\n".join(data[:1024].split(b"\n")[:2])
    found = _DECLARED.search(head)
    name = next(name for name in found.groups() if name).decode("ascii", "replace") if found else "utf-8"
    return name.lower().replace("_", "-")


def _decode(data: bytes, declared: str) -> tuple[str, str]:
    """Decode as declared, else as UTF-8, else byte by byte: what is read must be written back the same.

    Undeclared text that is not UTF-8 is Windows-1252, which has Latin-1's letters, where its bytes allow it.
    """
    for name in (_codec(declared), "utf-8", "cp1252", "latin-1"):
        try:
            text = data.decode(name)
            if text.encode(name) == data:
                return text, name
        except (UnicodeError, LookupError):
            continue
    raise AssertionError("latin-1 decodes everything")
