"""Which files are of tests, told from their paths by the conventions of each language."""

import re

__all__ = ["is_snapshot", "is_test"]

_HINT = re.compile(r"[Tt]est|[Ss]pec|IT[.C]|fixtures/|\.bats$|e2e/|snap|golden|approved|expected|\.ambr$")
"""In the path of every test: most paths are of none, and there are many."""

_FOLDER = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|testdata|fixtures|__fixtures__|e2e|Tests|[^/]*[a-z.]Tests?)/"
)
_FILE = re.compile(
    r"(?:^|/)(?:tests?_[^/]+|[^/]+?_(?:unit)?tests?|[^/]+[.-](?:test|spec)|conftest)\.\w+$"
    r"|(?:^|/)[^/]+\.(?:test|spec)\.[^/]+$"
    r"|(?:^|/)tests\.(?:py|rs)$"  # Django's, and the tests of a module of Rust
    r"|^test\.(?:py|[cm]?[jt]sx?)$"
    r"|[a-z0-9]IT(?:Case)?\.(?:java|kt|scala)$|\.bats$"
)
_OTHERS = re.compile(r"[^/](?:_spec|Tests?)\.(?!(?:pyi?|go|rs)$)\w+$")
_CAMEL_SCRIPT = re.compile(r"Tests?\.[cm]?[jt]sx?$")
_SNAPSHOT = re.compile(r"(^|/)__?snapshots?__?/|\.(snap|ambr|golden|approved\.\w+|expected)$|(^|/)golden/")


def is_test(path: str) -> bool:
    """Tell whether a file is of tests or of what they need, by its name or a folder.

    Only a run tells more: some projects have code under such a name, as Jinja has a `tests.py`.
    """
    if not _HINT.search(path):
        return False
    named = _FILE.search(path) or (_OTHERS.search(path) and not _CAMEL_SCRIPT.search(path))
    return bool(named or _FOLDER.search(path)) or is_snapshot(path)


def is_snapshot(path: str) -> bool:
    """Tell whether a file holds what tests recorded and compare with."""
    return _SNAPSHOT.search(path) is not None
