"""Reads pytest's JUnit XML report (family xunit1) into test cases with pytest's node ids."""

from xml.etree import ElementTree

from moot.agent.core.commands import TestCase

__all__ = ["parse"]

_ORDER = ("passed", "skipped", "failed", "error")
_MESSAGE = 4_000
"""Characters kept of a failure: pytest puts the assertion at its end."""


def parse(data: bytes) -> tuple[TestCase, ...]:
    """Return the cases of a report in its order; nothing when it is not a report.

    The report was written by code under test: a document type, which could define entities, is not read.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return ()
    try:
        tree = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        return ()
    cases: dict[str, TestCase] = {}
    for element in tree.iter("testcase"):
        case = _case(element)
        known = cases.get(case.id)
        if known is None or _ORDER.index(case.outcome) > _ORDER.index(known.outcome):
            cases[case.id] = case
    return tuple(cases.values())


def _case(element: ElementTree.Element) -> TestCase:
    name = _node_id(element)
    for tag, outcome in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        found = element.find(tag)
        if found is not None:
            text = (found.text or found.get("message") or "").strip()
            return TestCase(name, outcome, text[-_MESSAGE:])
    return TestCase(name, "passed")


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
