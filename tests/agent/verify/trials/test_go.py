"""Trials of Go in a real sandbox."""

import shutil

import pytest

from moot.agent.core.trials import Observed
from moot.agent.verify.trials.go import written

GO = """\
package stats

import "errors"

type box struct{ X int }

func Mean(v []float64) (float64, error) {
	if len(v) == 0 {
		return 0, errors.New("nothing")
	}
	return v[0] / float64(len(v)), nil
}

func own(n int) int { return 10 / n }
"""


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not here")
def test_values_errors_and_versions(look, work):
    seen = look(
        {"go.mod": "module example.org/m\n\ngo 1.19\n", "stats/stats.go": GO},
        "stats/stats.go",
        "go test ./...",
        "own(5)",
        "own(0)",
        "median(1)",
        other={"stats/stats.go": GO.replace("10 / n", "20 / n").encode()},
        broken={"stats/stats.go": b"package stats\nfunc Mean( {\n"},
    )
    assert seen["base"][:2] == [
        Observed("value", "2"),
        Observed("error", "panic: runtime error: integer divide by zero"),
    ]
    assert seen["base"][2].kind == "unusable"
    assert seen["base"][2].text.endswith("undefined: median ")
    assert seen["other"][0] == Observed("value", "4")
    assert [each.kind for each in seen["broken"]] == ["error"] * 3
    assert sorted(place.name for place in (work / "stats").iterdir()) == ["stats.go"]


def test_what_is_made_of_lines():
    def body(code: str) -> str:
        text = written(code, "stats")
        assert text is not None
        return text.partition("\t{\n")[2].partition("\n\t}\n")[0]

    assert body("got, _ := stats.Mean(nil)") == "got, _ := Mean(nil)\nmootTrialValue(got)"
    assert body('import "example.org/m/stats"\nstats.own(1)') == "mootTrialValue(own(1))"
    assert body("fmt.Println(1)") == "fmt.Println(1)"
    assert '\tstrings "strings"' not in (written("own(1)", "stats") or "")
    assert '"strings"\n)' in (written("strings.ToUpper(x)", "stats") or "")
    assert written("own(", "stats") is None
    assert written("", "stats") is None
