"""Reads JUnit XML: pytest's (family xunit1) into pytest's node ids, others by class and name."""

from xml.etree import ElementTree

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Place, merge

__all__ = ["parse"]


def parse(data: bytes, place: Place) -> tuple[TestCase, ...] | None:
    """Return the cases of a report in its order; None when it is not a whole report.

    The report was written by code under test: a document type, which could define entities, is not read.
    Nor is the encoding that it declares believed, so that what is checked is what is parsed.
    """
    text = data.decode("utf-8-sig", "replace")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        tree = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    return merge(_case(element, place) for element in tree.iter("testcase"))


def _case(element: ElementTree.Element, place: Place) -> TestCase:
    outcome, message = "passed", ""
    for tag, name in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        found = element.find(tag)
        if found is not None:
            outcome, message = name, (found.text or found.get("message") or "").strip()
            break
    file = _file(element, place)
    path = place.path(file) if file else ""
    return TestCase(_node_id(element, file), outcome, message[-MESSAGE:], path, _seconds(element))


def _seconds(element: ElementTree.Element) -> float:
    try:
        return min(max(0.0, float(element.get("time", "0"))), 1e6)
    except ValueError:
        return 0.0


def _file(element: ElementTree.Element, place: Place) -> str:
    """Return the file where pytest found a test: a base class's function is in another one."""
    file, owner = element.get("file", ""), element.get("classname", "")
    if not file or not owner or f"{owner}.".startswith(f"{_module(file)}."):
        return file
    parts = owner.split(".")
    paths = ("/".join(parts[:end]) + ".py" for end in range(len(parts), 0, -1))
    return next((path for path in paths if place.tree.holds(place.path(path))), file)


def _node_id(element: ElementTree.Element, file: str) -> str:
    """Undo `mangle_test_address` of pytest's junitxml.py: `a/b.py::C::t` is file, `a.b.C` and `t`."""
    owner, name = element.get("classname", ""), element.get("name", "")
    if not file:
        return "::".join(part for part in (owner, name) if part)
    if not owner:
        return file
    classes = f"{owner}.".removeprefix(f"{_module(file)}.").strip(".")
    return "::".join([file, *(classes.split(".") if classes else []), name])


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")
