"""Mutated real answers: nothing but a rejection escapes, and every patch that comes out is sound.

MOOT_FUZZ_EXAMPLES sets how many; `make bench-edits` runs 100,000.
"""

import os
from types import MappingProxyType

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import Patch
from moot.agent.edits.answer import parse_answer
from moot.agent.edits.apply import MAX_FILE_BYTES, build_patch
from moot.agent.edits.paths import check_path
from moot.agent.syntax import syntax_errors
from tests.agent.edits.recorded import Answer, answers, blob, files, make_base, recorded_profiles, tasks

EXAMPLES = int(os.environ.get("MOOT_FUZZ_EXAMPLES", "300"))

HOSTILE = (
    "../x.py", "/etc/passwd", ".git/config", "sub/.GIT/hooks/x", ".g\u200cit/config", "git~1/x", "link",
    "link/x", "a\\b.py", "C:/x.py", "x\0.py", "x\n.py", "APP/sessions.py", "app", "app/sessions.py/x",
    "a/../../x", "~/x", "", ".", "x" * 300, "\ud800", ".git::$INDEX_ALLOCATION/x", ".gitmodules",
    "-x", "vendor/x", "caf\u00e9.py",
)  # fmt: skip
FORMS = (
    "<<<<<<< FILE {}\nx = 1\n>>>>>>> END\n",
    "<<<<<<< SEARCH {}\n=======\nx = 1\n>>>>>>> REPLACE\n",
    "<<<<<<< DELETE {}\n>>>>>>> END\n",
    "<<<<<<< RENAME app/sessions.py -> {}\n",
    "<<<<<<< MODE {} 100755\n",
    "<<<<<<< IMPORT {}\nimport os\n>>>>>>> END\n",
    "--- /dev/null\n+++ b/{}\n@@ -0,0 +1 @@\n+x = 1\n",
    "*** Begin Patch\n*** Update File: app/sessions.py\n*** Move to: {}\n*** End Patch\n",
    '<file path="{}">\nx = 1\n</file>\n',
)
CONTENTS = MappingProxyType(
    {
        **files(),
        "link": b"app/sessions.py",
        "vendor": b"0" * 40,
        "crlf.py": b"import os\r\nx = 1\r\ndef f():\r\n\treturn x\n",
        "latin.py": b"# coding: latin-1\nx = '\xe9'\n",
        "bom.py": b"\xef\xbb\xbfx = 1",
        "data.bin": b"\0\1",
    }
)
MODES = {"link": "120000", "vendor": "160000"}
ORIGINAL = dict(CONTENTS)
RECORDED = [answer for profile in recorded_profiles() for answer in answers(profile)]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(RECORDED)).text
    for _ in range(draw(st.integers(0, 4))):
        text = _mutate(draw, text)
    return text


def _mutate(draw: st.DrawFn, text: str) -> str:
    lines = text.split("\n")
    at = draw(st.integers(0, len(lines) - 1))
    to = draw(st.integers(at, min(len(lines), at + 8)))
    match draw(st.integers(0, 9)):
        case 0:
            lines[at:to] = []
        case 1:
            lines[at:at] = lines[at:to]
        case 2:
            return "\n".join(lines[:at])
        case 3:
            other = draw(st.sampled_from(RECORDED)).text.split("\n")
            lines = lines[:at] + other[min(at, len(other)) :]
        case 4:
            lines[at] = draw(
                st.sampled_from(["```", "=======", ">>>>>>> END", "<<<<<<< SEARCH", "@@", "\\ No", ""])
            )
        case 5:
            spot = draw(st.integers(0, max(0, len(text) - 1)))
            return text[:spot] + draw(st.characters()) + text[spot + 1 :]
        case 6:
            form, path = draw(st.sampled_from(FORMS)), draw(st.sampled_from([*HOSTILE, *CONTENTS]))
            lines[at:at] = form.format(path).split("\n")
        case 7:
            path = draw(st.sampled_from([*HOSTILE, *CONTENTS]))
            return text.replace("path/to/file", path).replace(draw(st.sampled_from(RECORDED_PATHS)), path)
        case 8:
            return text.replace("\n", draw(st.sampled_from(["\r\n", "\r", "\n\n", "\n\t"])))
        case _:
            lines[at] = draw(st.text(max_size=30))
    return "\n".join(lines)


RECORDED_PATHS = sorted({task.path for task in tasks().values()})


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES == 300,
    suppress_health_check=list(HealthCheck),
)
@given(mutated())
def test_only_rejections_escape_and_every_patch_is_sound(text: str) -> None:
    base, reason = make_base(dict(CONTENTS), MODES), ""
    try:
        patch = build_patch(parse_answer(text), base)
    except EditRejected as exc:
        reason = str(exc)
        patch = None
    finally:
        assert dict(CONTENTS) == ORIGINAL
    if patch is None:
        assert 0 < len(reason) < 60_000
    else:
        _check(patch)


def _check(patch: Patch) -> None:
    """The invariants of a patch, checked without the code that built it, but for the path rules."""
    assert patch.changes
    paths = [change.path for change in patch.changes]
    assert len(set(paths)) == len(paths)
    result = dict(CONTENTS)
    for change in patch.changes:
        old = CONTENTS.get(change.path)
        assert check_path(change.path) == change.path
        assert change.path not in MODES
        assert change.mode in ("100644", "100755")
        assert change.base_blob == (blob(old) if old is not None else None)
        if change.content is None:
            assert old is not None
            del result[change.path]
            continue
        assert b"\0" not in change.content
        assert len(change.content) <= MAX_FILE_BYTES
        if old is not None:
            before = syntax_errors(change.path, old)
            assert len(syntax_errors(change.path, change.content)) <= len(before)
            assert old.startswith(b"\xef\xbb\xbf") == change.content.startswith(b"\xef\xbb\xbf")
        result[change.path] = change.content
    assert len({path.casefold() for path in result}) == len(result)
    assert not any(other.startswith(f"{path}/") for path in result for other in result)


def test_the_corpus_reaches_both_outcomes() -> None:
    outcomes = {_outcome(answer) for answer in RECORDED}
    assert outcomes == {True, False}


def _outcome(answer: Answer) -> bool:
    try:
        build_patch(parse_answer(answer.text), make_base(dict(CONTENTS), MODES))
    except EditRejected:
        return False
    return True
