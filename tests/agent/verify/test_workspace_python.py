"""The code under test is the workspace's, whatever path leads to the user's own tree: Python.

The user's tree says 1, the workspace says 2, and the tests want 2; then the other way round.
"""

import asyncio
import os
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from moot.agent.core.commands import TestReport
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.verify.sandboxed import LIGHT, passable, run, write

TEST = "import pkg\n\n\ndef test_value():\n    assert pkg.VALUE == 2\n"
SETUP = "from setuptools import setup\nsetup(name='pkg', version='1', {})\n"
COMMAND = "python3 -m pytest"
C = """\
#include <Python.h>
static PyObject *value(PyObject *self, PyObject *none) {{ return PyLong_FromLong({}); }}
static PyMethodDef methods[] = {{{{"value", value, METH_NOARGS, ""}}, {{0}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "_c", 0, -1, methods}};
PyMODINIT_FUNC PyInit__c(void) {{ return PyModule_Create(&module); }}
"""
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


@pytest.fixture
def place() -> Iterator[Path]:
    with passable() as place:
        yield place


@pytest.fixture
def root(place: Path) -> Path:
    return project(place)


def project(place: Path) -> Path:
    """Make the user's tree with a virtual environment that has this one's packages."""
    root = place / "a user's" / "$project"
    venv.create(root / ".venv", symlinks=True)
    (outer,) = Path(sys.prefix).glob("lib/python*/site-packages")
    (packages(root) / "outer.pth").write_text(f"{outer}\n")
    return root


@pytest.fixture
def work(place: Path) -> Path:
    """Return the workspace."""
    work = place / "work"
    (work / "tests").mkdir(parents=True)
    return work


def packages(root: Path) -> Path:
    (found,) = (root / ".venv" / "lib").glob("python*/site-packages")
    return found


def static_pth(root: Path) -> str:
    """Install a src layout as setuptools does: one line of a `.pth`."""
    return editable(root, "package_dir={'': 'src'}, packages=['pkg']", "src")


def finder(root: Path) -> str:
    """Install a flat layout as setuptools does: a finder with a mapping."""
    return editable(root, "packages=['pkg']", "")


def editable(root: Path, options: str, folder: str) -> str:
    write(root, {"setup.py": SETUP.format(options), f"{folder or '.'}/pkg/__init__.py": ""})
    command = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-e",
        str(root),
    ]
    environment = {**os.environ, "PIP_PREFIX": str(root / ".venv"), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(packages(root).glob("__editable__*"))
    return folder


def by_hand(root: Path) -> str:
    """Write an absolute path into a `.pth`."""
    (packages(root) / "mine.pth").write_text(f"{root}/lib/python\n")
    return "lib/python"


@pytest.fixture(scope="module", params=[static_pth, finder, by_hand])
def installed(request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """Return a user's tree that is installed, and the folder that holds the package; for all its tests."""
    with passable() as place:
        root = project(place)
        yield root, request.param(root)


def trees(root: Path, work: Path, folder: str, own: int, candidate: int) -> None:
    for place, value in ((root, own), (work, candidate)):  # of other sizes, or byte code would be kept
        write(
            place,
            {
                f"{folder or '.'}/pkg/__init__.py": "\n" * value + f"VALUE = {value}\n",
                "tests/test_a.py": TEST,
            },
        )


def test_an_installed_package_is_the_workspaces(work: Path, installed: tuple[Path, str]) -> None:
    root, folder = installed
    trees(root, work, folder, own=1, candidate=2)
    report = run(root, work, f"cd tests && {COMMAND} --import-mode=importlib")
    assert report.status == "passed", report.output
    trees(root, work, folder, own=2, candidate=1)
    assert run(root, work, f"cd tests && {COMMAND} --import-mode=importlib").status == "failed"
    assert report.caution == ""


def test_the_installed_package_would_be_the_users_without_this(
    work: Path, installed: tuple[Path, str]
) -> None:
    """The same command outside of any sandbox shows that these tests can fail."""
    root, folder = installed
    trees(root, work, folder, own=1, candidate=2)
    command = [root / ".venv" / "bin" / "python3", "-m", "pytest", "-q", "--import-mode=importlib"]
    done = subprocess.run(
        command, cwd=work / "tests", env=os.environ | LIGHT, capture_output=True, text=True, check=False
    )
    assert "assert 1 == 2" in done.stdout


def test_where_nothing_can_be_mounted_the_search_path_leads_to_the_workspace(
    work: Path, installed: tuple[Path, str]
) -> None:
    root, folder = installed
    trees(root, work, folder, own=1, candidate=2)
    report = run_in("none", root, work, f"cd tests && {COMMAND} --import-mode=importlib")
    assert report.status == "passed", report.output
    trees(root, work, folder, own=2, candidate=1)
    assert run_in("none", root, work, f"cd tests && {COMMAND} --import-mode=importlib").status == "failed"


def run_in(sandbox: str, root: Path, work: Path, command: str = COMMAND) -> TestReport:
    return asyncio.run(TestRunner(choose(sandbox), root, 60).run(command, work, env=LIGHT))


def test_a_program_of_the_environment_in_the_tree(root: Path, work: Path) -> None:
    """Its first line and its own text have absolute paths."""
    trees(root, work, by_hand(root), own=1, candidate=2)
    script = root / ".venv" / "bin" / "tool"
    script.write_text(
        f"#!{root}/.venv/bin/python3\nimport pkg\nprint(pkg.VALUE, open({str(root / 'data.txt')!r}).read())\n"
    )
    if " " in str(root):  # no kernel reads such a first line
        script.write_text(script.read_text().replace(f"#!{root}/.venv/bin/python3", "#!/usr/bin/env python3"))
    script.chmod(0o755)
    write(root, {"data.txt": "user's"})
    write(work, {"data.txt": "workspace's"})
    test = "import subprocess\ndef test_a():\n  assert subprocess.getoutput('tool') == \"2 workspace's\"\n"
    write(work, {"tests/test_a.py": test})
    report = run(root, work, COMMAND)
    assert report.status == "passed", report.output


def test_absolute_paths_in_build_output(root: Path, work: Path) -> None:
    """What a build wrote down of the user's tree leads to the workspace."""
    for place, value in ((root, 1), (work, 2)):
        write(
            place,
            {
                "_build/config.py": f"SOURCE = {str(root / 'value.txt')!r}\n",
                "value.txt": str(value),
                "tests/test_a.py": "import runpy\ndef test_a():\n"
                "  source = runpy.run_path('_build/config.py')['SOURCE']\n"
                "  assert open(source).read() == '2'\n",
            },
        )
    report = run(root, work, COMMAND)
    assert report.status == "passed", report.output


@pytest.mark.parametrize("sandbox", ["landlock", "none"])
def test_an_absolute_path_that_cannot_be_replaced_is_said(root: Path, work: Path, sandbox: str) -> None:
    write(
        work,
        {"setup.cfg": f"[tool:pytest]\npythonpath = {root}/lib\n", "tests/test_a.py": "def test(): pass\n"},
    )
    report = run_in(sandbox, root, work, "true")
    assert report.caution == (
        f"setup.cfg leads to your own tree, and the sandbox ({sandbox}) cannot put the candidate in its "
        "place, so the tests may have run your code: install bubblewrap"
    )


# --- extension modules ------------------------------------------------------------------------------


def build(root: Path, value: int) -> Path:
    """Compile an extension in place, as `build_ext --inplace` does."""
    write(
        root, {"pkg/_c.c": C.format(value), "pkg/__init__.py": "from pkg._c import value\nVALUE = value()\n"}
    )
    module = root / "pkg" / f"_c{SUFFIX}"
    include = sysconfig.get_path("include")
    command = ["cc", "-shared", "-fPIC", f"-I{include}", str(root / "pkg/_c.c"), "-o", str(module)]
    subprocess.run(command, check=True, capture_output=True)
    return module


def checkout(root: Path, work: Path) -> None:
    """Write what is under version control."""
    names = ("pkg/_c.c", "pkg/__init__.py")
    write(work, {name: (root / name).read_text() for name in names} | {"tests/test_a.py": TEST})


@pytest.mark.parametrize("sandbox", ["bubblewrap", "none"])
def test_an_extension_that_was_built_from_these_sources_is_there(
    root: Path, work: Path, sandbox: str
) -> None:
    module = build(root, 2)
    checkout(root, work)
    report = run_in(sandbox, root, work)
    assert report.status == "passed", report.output
    assert report.caution == ""
    assert module.is_file()


def test_an_extension_of_other_sources_is_not_used_and_that_is_said(root: Path, work: Path) -> None:
    build(root, 2)
    checkout(root, work)
    write(work, {"pkg/_c.c": C.format(3)})
    report = run(root, work, COMMAND)
    assert report.status == "failed"
    assert report.caution == (
        f"pkg/_c{SUFFIX} was not built from these sources: pkg/_c.c is another in your tree; "
        "build it as part of --test COMMAND"
    )


def test_an_extension_that_cython_built_is_there_while_its_source_is_the_users(
    root: Path, work: Path
) -> None:
    """What it leaves beside its source is not under version control."""
    source = {"pkg/_c.pyx": "def value(): return 2\n"}
    write(root, source)
    build(root, 2)
    checkout(root, work)
    (work / "pkg/_c.c").unlink()
    write(work, source)
    report = run(root, work, COMMAND)
    assert (report.status, report.caution) == ("passed", ""), report.output
    (work / "pkg" / f"_c{SUFFIX}").unlink()
    write(work, {"pkg/_c.pyx": "def value(): return 3\n"})
    assert "pkg/_c.pyx is another in your tree" in run(root, work, COMMAND).caution


def test_an_extension_that_was_compiled_from_python_is_not_used_for_other_python(
    root: Path, work: Path
) -> None:
    write(root, {"pkg/_c.py": "def value(): return 2\n"})
    build(root, 2)
    checkout(root, work)
    (work / "pkg/_c.c").unlink()
    write(work, {"pkg/_c.py": "def value(): return 3\n"})
    report = run(root, work, COMMAND)
    assert report.status == "failed"
    assert "pkg/_c.py is another in your tree" in report.caution


def test_an_extension_whose_source_the_candidate_removes_is_not_used(root: Path, work: Path) -> None:
    build(root, 2)
    checkout(root, work)
    (work / "pkg/_c.c").unlink()
    assert "pkg/_c.c is another in your tree" in run(root, work, COMMAND).caution


def test_an_extension_that_is_older_than_its_sources_is_not_used(root: Path, work: Path) -> None:
    build(root, 2)
    checkout(root, work)
    later = time.time() + 10
    os.utime(root / "pkg/_c.c", (later, later))
    report = run(root, work, COMMAND)
    assert report.status == "failed"
    assert "pkg/_c.c was changed after it" in report.caution


def test_an_extension_that_the_test_command_builds_is_the_workspaces(root: Path, work: Path) -> None:
    build(root, 1)
    checkout(root, work)
    write(work, {"pkg/_c.c": C.format(2)})
    compile_ = f"cc -shared -fPIC -I{sysconfig.get_path('include')} pkg/_c.c -o pkg/_c{SUFFIX}"
    report = run(root, work, f"{compile_} && {COMMAND}")
    assert report.status == "passed", report.output


def test_a_link_in_the_way_of_an_extension_is_not_followed(root: Path, work: Path, tmp_path: Path) -> None:
    build(root, 2)
    checkout(root, work)
    (work / "pkg").rename(work / "real")
    (work / "pkg").symlink_to(tmp_path)
    run(root, work, COMMAND)
    assert not list(tmp_path.glob("_c*"))
