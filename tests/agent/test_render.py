"""Text for a person."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from moot.agent.core.errors import TaskFailed
from moot.agent.core.events import Notice, RunFinished
from moot.agent.render import coloured, renderer_for
from moot.agent.result import ended
from moot.agent.terminal import print_json


def test_a_place_in_a_file_is_no_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    renderer_for("text").show(Notice("warning", "src/number.py:100: is as it was"))
    assert "src/number.py:100: is as it was" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_of_a_diff_is_cropped(capsys: pytest.CaptureFixture[str], terminal: bool) -> None:
    """What lies beyond the screen's width may be what matters."""
    diff = f"-x = 1\n+x = 1{' ' * 200}; end()\r\n+\ty\n"
    if terminal:
        Console(width=60, force_terminal=True, color_system=None).print(coloured(diff))
        assert "; end()" in capsys.readouterr().out
    else:
        renderer_for("text").show(RunFinished(replace(ended(TaskFailed("no"), "run"), diff=diff)))
        assert capsys.readouterr().out.startswith(diff)


def test_json_is_ascii_where_the_output_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="backslashreplace")
    monkeypatch.setattr("sys.stdout", latin)
    print_json({"path": "café 😀 \udcff"})
    assert json.loads(latin.buffer.getvalue()) == {"path": "café 😀 \udcff"}  # type: ignore[attr-defined]
