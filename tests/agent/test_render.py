"""Text for a person."""

import pytest

from moot.agent.core.events import Notice
from moot.agent.render import renderer_for


def test_a_place_in_a_file_is_no_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    renderer_for("text").show(Notice("warning", "src/number.py:100: is as it was"))
    assert "src/number.py:100: is as it was" in capsys.readouterr().err
