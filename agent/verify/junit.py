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
    file = element.get("file", "")
    outcome, message = "passed", ""
    for tag, name in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        found = element.find(tag)
        if found is not None:
            outcome, message = name, (found.text or found.get("message") or "").strip()
            break
    path = place.path(file) if file else ""
    return TestCase(_node_id(element), outcome, message[-MESSAGE:], path, _seconds(element))


def _seconds(element: ElementTree.Element) -> float:
    try:
        return min(max(0.0, float(element.get("time", "0"))), 1e6)
    except ValueError:
        return 0.0


def _node_id(element: ElementTree.Element) -> str:
    """Undo `mangle_test_address` of pytest's junitxml.py: `a/b.py::C::t` is file, `a.b.C` and `t`."""
    file, owner, name = (element.get(key, "") for key in ("file", "classname", "name"))
    if not file:
        return "::".join(part for part in (owner, name) if part)
    if not owner:
        return file
    module = file.removesuffix(".py").replace("/", ".")
    classes = owner.removeprefix(module).strip(".")
    return "::".join([file, *(classes.split(".") if classes else []), name])
