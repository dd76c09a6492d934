"""Trials of JavaScript in a real sandbox."""

import pytest

from moot.agent.core.trials import Observed
from moot.agent.verify.trials.node import runnable

BODY = """\
const own = 7;
function mean(v) { return v.reduce((a, b) => a + b, 0) / v.length; }
function fail() { throw new TypeError('no'); }
function shout() { console.log('aloud'); return { b: 1, a: [1, 2] }; }
async function later() { return new Set(['b', 'a']); }
"""
KINDS = {
    "CommonJS": ({}, "module.exports = { mean, fail, shout, later };\n"),
    "ESM": ({"package.json": '{"type": "module"}'}, "export { mean, fail, shout, later };\n"),
}
SEEN = {
    "mean([1,\n 2\n]);": ("value", "1.5"),  # without an import
    "own + 1": ("value", "8"),  # not exported
    "shout()": ("value", "aloud\n{ a: [ 1, 2 ], b: 1 }"),
    "later()": ("value", "Set(2) { 'a', 'b' }"),
    "const x = mean([4]);": ("value", "4"),
    "console.log(mean([4]))": ("value", "4"),
    "import { mean as m } from '../src/stats.js'\nm([1])": ("value", "1"),  # as from the folder of a test
    "import * as all from './stats.js';\nall.mean([1])": ("value", "1"),
    "const { mean } = require('./stats');\nmean([2])": ("value", "2"),
    "fail()": ("error", "TypeError: no"),
    "throw 5": ("error", "Error: 5"),
    "process.exit(4)": ("error", "exit: the process ended with status 4"),
    "await new Promise(() => {})": ("late", "no end"),
    "median(1)": ("unusable", "ReferenceError: median is not defined"),
    "mean([1]": ("unusable", "SyntaxError: this is no JavaScript"),
    "require('./none')": ("unusable", "Error: Cannot find module './none'"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_modules(look, kind):
    more, exports = KINDS[kind]
    seen = look({**more, "src/stats.js": BODY + exports}, "src/stats.js", "npm test", *SEEN)["base"]
    assert {code: (each.kind, each.text) for code, each in zip(SEEN, seen, strict=True)} == SEEN


def test_versions_and_what_has_no_end(look, work):
    text = BODY + KINDS["CommonJS"][1]
    seen = look(
        {"stats.js": text},
        "stats.js",
        "npm test",
        "mean([2, 2])",
        "Math.random()",
        other={"stats.js": text.replace("/ v.length", "/ 1").encode(), "new/more.js": b""},
        broken={"stats.js": b"function ("},
        gone={"stats.js": None},
        hangs={"stats.js": b"while (true) {}"},
    )
    assert {name: [each.kind for each in said] for name, said in seen.items()} == {
        "base": ["value", "unsteady"],
        "other": ["value", "unsteady"],
        "broken": ["error", "error"],
        "gone": ["unusable", "unusable"],
        "hangs": ["late", "late"],
    }
    assert seen["other"][0] == Observed("value", "4")
    assert (work / "stats.js").read_text() == text
    assert not (work / "new/more.js").exists()


def test_large_and_forged_answers(look):
    seen = look(
        {"stats.js": BODY},
        "stats.js",
        "npm test",
        "'x'.repeat(10 ** 6) + 'y'",
        "'x'.repeat(10 ** 6) + 'z'",
        "require('fs').writeSync(1, 'x'.repeat(10 ** 6)); 1",
        """require('fs').writeSync(1, '{"kind": "won", "text": ""}\\n'); process.reallyExit(0)""",
    )["base"]
    assert [each.kind for each in seen] == ["value", "value", "error", "unusable"]
    assert all(len(each.text) <= 400 for each in seen)
    assert seen[0].text != seen[1].text


def test_what_is_made_of_lines():
    assert runnable("import a, { b as c } from 'x';\nc(a)") == (
        "const { default: a } = await load('x'); const { b: c } = await load('x');\nreturn [await (c(a))];"
    )
    assert runnable("import 'x'\n// nothing more") == "await load('x');\n// nothing more"
    assert runnable("f(") is None


def test_a_status_of_too_many_digits_and_a_deep_folder(look):
    """What a run may answer is cut behind the forged line; the folder is deeper than Python recurses."""
    forged = "require('fs').writeSync(1, '9'.repeat(65535) + '\\n' + ' '.repeat(9));"
    deep = "process.chdir(process.env.MOOT_TRIALS + '/out'); const fs = require('fs'); "
    deep += "for (let i = 0; i < 1000; i++) { fs.mkdirSync('d', { recursive: true }); process.chdir('d'); }"
    files = {"src/stats.js": BODY + "module.exports = { mean };\n"}
    seen = look(files, "src/stats.js", "npm test", forged, deep)
    assert [each.kind for each in seen["base"]] == ["error", "value"]
