"""JavaScript and TypeScript: the scripts of package.json, run by the manager whose lock file is there."""

import re
from collections.abc import Iterator

from moot.agent.verify.ecosystems.found import Files, Found, framework_of
from moot.agent.verify.scripts import Package, read_package

__all__ = ["node_tests"]

_LOCKS = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
)
_SCRIPTS = ("test", "test:unit", "test:ci", "unit", "unit-test", "tests")
_RUNNERS = (("vitest", "npx vitest run"), ("jest", "npx jest"), ("mocha", "npx mocha"), ("ava", "npx ava"))
_CONFIGURATION = re.compile(r"(vitest|jest)\.config\.[cm]?[jt]s|\.(mocha)rc(?:\.\w+)?|(ava)\.config\.[cm]?js")
_TEST_FILE = re.compile(r"(?:.*/)?(?:[^/]+[._-]test|test[-_][^/]+|test)\.[cm]?js|(?:.*/)?test/[^/]+\.[cm]?js")
_LOOKED_AT = 20


def node_tests(files: Files) -> Iterator[Found]:
    """Yield commands, the most certain first."""
    if "package.json" not in files.known:
        return
    package = read_package(files.text("package.json").encode())
    manager, why = _manager(files, package)
    for name in _SCRIPTS:
        if script := package.script(name):
            command = f"{manager} test" if name == "test" and manager != "bun" else f"{manager} run {name}"
            reason = f"its script is `{script}`, and {why}"
            source = files.line("package.json", f'"{name}"')
            yield Found(command, framework_of(script), source, reason, suggested=True)
    yield from _without_script(files, package)


def _without_script(files: Files, package: Package) -> Iterator[Found]:
    for name, command in _RUNNERS:
        if source := _required(files, package, name):
            yield Found(command, framework_of(command), source, f"{name} is installed")
    own = (path for path in files.paths if _TEST_FILE.fullmatch(path) and "node_modules/" not in path)
    for path in list(own)[:_LOOKED_AT]:
        if "node:test" in files.text(path):
            yield Found("node --test", "node", files.line(path, "node:test"), "it imports Node's own runner")
            return


def _required(files: Files, package: Package, name: str) -> str:
    for path in files.paths:
        found = _CONFIGURATION.fullmatch(path)
        if found and name in found.groups():
            return path
    return (
        files.line("package.json", f'"{name}"') if name in package.development | package.dependencies else ""
    )


def _manager(files: Files, package: Package) -> tuple[str, str]:
    """Return the package manager, and how it is known."""
    declared = str(package.manager).partition("@")[0]
    if declared in ("npm", "pnpm", "yarn", "bun"):
        return declared, f"packageManager is {declared}"
    for lock, manager in _LOCKS:
        if lock in files.known:
            return manager, f"{lock} is there"
    return "npm", "no other manager is named"
