"""The code under test is the workspace's, whatever path leads to the user's own tree: Node, Go, Rust.

The user's tree says 1, the workspace says 2, and the tests want 2; then the other way round.
"""

import asyncio
import shutil
from pathlib import Path

import pytest

from moot.agent.core.commands import TestReport
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.verify.sandboxed import run, write

Files = dict[str, str]


@pytest.fixture
def plain_root(tmp_path: Path) -> Path:
    """Return a user's tree whose path Go and Cargo take in every place."""
    root = tmp_path / "project"
    root.mkdir()
    return root


def check(root: Path, work: Path, command: str, path: str, text: str, files: Files) -> None:
    """Run with the right code in the workspace alone, then in the user's tree alone.

    Args:
        path: the file whose code is tested.
        text: what it says, with `{}` for the value.
        files: everything else, with `{root}` for the user's tree.
    """
    for own, candidate, expected in ((1, 2, "passed"), (2, 1, "failed")):
        for place, value in ((root, own), (work, candidate)):
            write(place, {name: body.replace("{root}", str(root)) for name, body in files.items()})
            write(place, {path: text.replace("{}", str(value)) + "\n" * value})
        report = run(root, work, command, timeout=110)
        assert report.status == expected, report.output
        assert report.cases
        assert report.caution == ""


# --- Node -------------------------------------------------------------------------------------------

NODE_TEST = (
    "const test = require('node:test'), assert = require('node:assert');\n"
    "test('value', () => assert.equal(require('dep'), 2));\n"
)
NODE_LINKS = {
    "a workspace of npm": ("packages/dep", "../packages/dep"),
    "a dependency on a folder": ("dep", "../dep"),
    "npm link": ("dep", "{root}/dep"),
}


@pytest.mark.parametrize("kind", NODE_LINKS)
def test_a_link_in_node_modules(root: Path, work: Path, kind: str) -> None:
    folder, target = NODE_LINKS[kind]
    (root / "node_modules").mkdir()
    (root / "node_modules" / "dep").symlink_to(target.replace("{root}", str(root)))
    files = {f"{folder}/package.json": '{"name": "dep", "main": "index.js"}', "a.test.js": NODE_TEST}
    check(root, work, "node --test a.test.js", f"{folder}/index.js", "module.exports = {};", files)


def test_build_output_is_that_of_the_workspace(plain_root: Path, work: Path) -> None:
    """The user's `dist` is old; it is not shown, so what the command builds is tested, or nothing is."""
    scripts = '{"build": "node build.js", "test": "npm run build && node --test a.test.js"}'
    files = {
        "package.json": f'{{"scripts": {scripts}}}',
        "build.js": "require('fs').cpSync('src/dep.js', 'dist/dep.js');\n",
        "a.test.js": NODE_TEST.replace("'dep'", "'{root}/dist/dep.js'"),
    }
    write(plain_root, {"dist/dep.js": "module.exports = 2;\n"})
    check(plain_root, work, "npm test", "src/dep.js", "module.exports = {};", files)
    shutil.rmtree(work / "dist")
    assert run(plain_root, work, "node --test a.test.js").status == "failed"
    assert (plain_root / "dist" / "dep.js").read_text() == "module.exports = 2;\n"


@pytest.mark.parametrize("sandbox", ["landlock", "none"])
def test_links_that_cannot_be_replaced_are_said(root: Path, work: Path, sandbox: str) -> None:
    write(root, {"packages/dep/index.js": ""})
    (root / "node_modules").mkdir()
    (root / "node_modules" / "dep").symlink_to("../packages/dep")
    write(work, {"packages/dep/index.js": ""})
    report = said(sandbox, root, work)
    assert report.caution.startswith(
        f"{root}/packages/dep leads to your own tree, and the sandbox ({sandbox}) "
    )


def said(sandbox: str, root: Path, work: Path) -> TestReport:
    for folder in (work, *list(work.parents)[:-1]):
        if folder.stat().st_uid == 0 and folder.name.startswith(("pytest", "popen", "test")):
            folder.chmod(0o711)
    return asyncio.run(TestRunner(choose(sandbox), root, 60).run("true", work))


# --- Go ---------------------------------------------------------------------------------------------

GO_TEST = (
    'package app\n\nimport (\n\t"testing"\n\n\t"example.org/dep"\n)\n\n'
    "func TestValue(t *testing.T) {\n\tif dep.Value() != 2 {\n\t\tt.Fatal(dep.Value())\n\t}\n}\n"
)
GO_DEP = "package dep\n\nfunc Value() int { return {} }\n"
GO_APP = "module example.org/app\n\ngo 1.19\n\nrequire example.org/dep v0.0.0\n"
GO = {
    "a relative replace": (
        {"app/go.mod": GO_APP + "\nreplace example.org/dep => ../dep\n"},
        "cd app && go test ./...",
    ),
    "an absolute replace": (
        {"app/go.mod": GO_APP + '\nreplace example.org/dep => "{root}/dep"\n'},
        "cd app && go test ./...",
    ),
    "go.work": (
        {"app/go.mod": GO_APP, "go.work": "go 1.19\n\nuse (\n\t./app\n\t./dep\n)\n"},
        "go test ./app/...",
    ),
    "go.work below the top": (
        {"app/go.mod": GO_APP, "app/go.work": "go 1.19\n\nuse (\n\t.\n\t../dep\n)\n"},
        "cd app && go test ./...",
    ),
}


@pytest.mark.parametrize("kind", GO)
def test_a_module_of_the_repository(plain_root: Path, work: Path, kind: str) -> None:
    files, command = GO[kind]
    files = files | {"dep/go.mod": "module example.org/dep\n\ngo 1.19\n", "app/app_test.go": GO_TEST}
    check(plain_root, work, command, "dep/dep.go", GO_DEP, files)


def test_compiled_packages_are_kept_for_the_next_candidate(plain_root: Path, work: Path) -> None:
    files, command = GO["a relative replace"]
    write(work, files | {"dep/go.mod": "module example.org/dep\n\ngo 1.19\n", "app/app_test.go": GO_TEST})
    write(work, {"dep/dep.go": GO_DEP.replace("{}", "2")})
    assert run(plain_root, work, command).status == "passed"
    kept = {path.name for path in (work / ".moot-cache" / "go").rglob("*-d")}
    assert kept
    write(work, {"dep/dep.go": GO_DEP.replace("{}", "3")})
    assert run(plain_root, work, command).status == "failed"
    assert kept <= {path.name for path in (work / ".moot-cache" / "go").rglob("*-d")}
    assert not (plain_root / ".moot-cache").exists()


# --- Rust -------------------------------------------------------------------------------------------

RUST_TEST = "#[test]\nfn value() { assert_eq!(dep::value(), 2); }\n"
RUST_DEP = "pub fn value() -> i32 { {} }\n"
MANIFEST = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
RUST = {
    "a path dependency": {
        "Cargo.toml": MANIFEST.format(name="app") + '\n[dependencies]\ndep = { path = "dep" }\n'
    },
    "an absolute path": {
        "Cargo.toml": MANIFEST.format(name="app") + '\n[dependencies]\ndep = { path = "{root}/dep" }\n'
    },
    "a member of the workspace": {
        "Cargo.toml": '[workspace]\nmembers = ["dep"]\n\n'
        + MANIFEST.format(name="app")
        + '\n[dependencies]\ndep = { path = "dep" }\n'
    },
}


@pytest.mark.parametrize("kind", RUST)
def test_a_crate_of_the_repository(plain_root: Path, work: Path, kind: str) -> None:
    files = RUST[kind] | {
        "dep/Cargo.toml": MANIFEST.format(name="dep"),
        "src/lib.rs": "",
        "tests/value.rs": RUST_TEST,
    }
    check(plain_root, work, "cargo test", "dep/src/lib.rs", RUST_DEP, files)


def test_what_the_user_has_built_is_not_used(plain_root: Path, work: Path) -> None:
    """A `target` of the user's tree, with absolute paths and newer than every source, stays out of sight."""
    files = RUST["a path dependency"] | {
        "dep/Cargo.toml": MANIFEST.format(name="dep"),
        "src/lib.rs": "",
        "tests/value.rs": RUST_TEST,
        "target/debug/marker": "built",
    }
    write(plain_root, files)
    check(
        plain_root,
        work,
        "cargo test",
        "dep/src/lib.rs",
        RUST_DEP,
        {k: v for k, v in files.items() if "target" not in k},
    )
    assert not (work / "target" / "debug" / "marker").exists()
    assert [path.name for path in (plain_root / "target").rglob("*")] == ["debug", "marker"]
