"""Which findings count as new."""

from moot.agent.core.commands import CommandResult
from moot.agent.core.verification import Finding
from moot.agent.verify.lint import readers
from moot.agent.verify.lint.delta import appeared, suppressions


def finding(
    line: int, path: str = "a.py", rule: str = "F841", message: str = "unused", text: str = ""
) -> Finding:
    return Finding("ruff", path, line, rule, message, text)


def test_the_same_findings_on_other_lines_are_old() -> None:
    assert appeared([finding(1), finding(5)], [finding(3), finding(9)]) == []


def test_one_more_of_the_same_kind_is_new() -> None:
    assert appeared([finding(1)], [finding(1), finding(2)]) == [finding(2)]


def test_the_one_on_an_unknown_line_is_the_new_one() -> None:
    old, new = finding(1, text="x = 1"), finding(1, text="y = 1")
    assert appeared([old], [new, finding(2, text="x = 1")]) == [new]


def test_numbers_in_messages_do_not_make_it_new() -> None:
    assert appeared([finding(1, message="101 > 100")], [finding(2, message="104 > 100")]) == []


def test_another_rule_or_message_is_new() -> None:
    for other in (finding(1, rule="F811"), finding(1, message="other")):
        assert appeared([finding(1)], [other]) == [other]


def test_code_that_moves_to_another_file_takes_its_findings_along() -> None:
    assert appeared([finding(1)], [finding(9, path="b.py")]) == []


def test_what_went_away_elsewhere_makes_up_for_nothing_of_another_kind() -> None:
    new = finding(9, path="b.py", message="other")
    assert appeared([finding(1), finding(2)], [new]) == [new]


def test_comments_that_silence_checkers_are_found() -> None:
    silencers = {
        "a.py": "x = 1  # noqa: F841\ny = 1  # type: ignore[x]\nz = 1  # no quality assurance\n",
        "a.ts": "// eslint-disable-next-line\n// @ts-ignore\n",
        "a.go": "x() //nolint:errcheck\n",
        "a.rs": "#[allow(dead_code)]\nfn f() {}\n",
    }
    found = {path: len(suppressions(path, text)) for path, text in silencers.items()}
    assert found == {"a.py": 2, "a.ts": 2, "a.go": 1, "a.rs": 1}


def test_output_of_another_form_is_no_report() -> None:
    garbage = ("", "{", "[]x", "[1]", "{}", '{"a": 1}', '[{"filename": 1}]', '{"generalDiagnostics": [3]}')
    listed = (
        readers.ruff,
        readers.mypy,
        readers.pyright,
        readers.eslint,
        readers.tsc,
        readers.clippy,
        readers.go_vet,
    )
    for text in garbage:
        for read in listed:
            assert not read(CommandResult(1, text, "", 0.0))
            assert read(CommandResult(70, text, text, 0.0)) is None or read is readers.ruff
