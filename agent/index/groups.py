"""Import statements that name several modules, one by one: `a::{b, c::d}`, `a.{B, C => D}, x.y`."""

import re

__all__ = ["ungrouped"]

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_TOKEN = re.compile(r"[{},]|[^{},]+")
_RENAMED = re.compile(r"\s+as\s|=>")
_SPACE = re.compile(r"\s+")
_MOST = 200  # modules of one statement
_LONGEST = 300  # characters of one module


def ungrouped(statement: str) -> list[str]:
    """Return the modules that a statement of Rust or Scala names, whole and without their new names.

    Args:
        statement: what follows `use`, or all of an `import`.
    """
    found: list[str] = []
    outer, prefix, name = list[str](), "", ""
    for token in _TOKEN.findall(_COMMENT.sub("", statement.removeprefix("import "))):
        match token:
            case "{":
                outer.append(prefix)
                prefix, name = prefix + name, ""
                if len(prefix) > _LONGEST:
                    break
            case "}" | ",":
                found.append(prefix + name if name else "")
                prefix = outer.pop() if token == "}" and outer else prefix
                name = ""
            case _:
                name = _SPACE.sub("", _RENAMED.split(token, maxsplit=1)[0])
    found.append(prefix + name if name else "")
    return [module for module in found if module][:_MOST]
