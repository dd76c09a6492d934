import math

from moot.agent.core.config import Settings
from moot.agent.core.types import EditFormat
from moot.agent.models.profiles import choose
from tests.agent.edits.recorded import answers, is_right, patch_of, recorded_profiles


def test_a_measured_profiles_format_is_not_worse_than_the_best():
    """By the share of answers that change the right definition; a two-sided z test at 5%."""
    measured = recorded_profiles()
    assert "qwen2.5-coder-1.5b-cpu" in measured
    for name in measured:
        rates = {form: _rights(name, form) for form in EditFormat}
        total = len(rates[EditFormat.DIFF])
        chosen = sum(rates[choose(Settings(), name).edit_format]) / total
        best = max(sum(right) / total for right in rates.values())
        pooled = (chosen + best) / 2
        assert best - chosen <= 1.96 * math.sqrt(2 * pooled * (1 - pooled) / total), (name, chosen, best)


def _rights(name: str, form: EditFormat) -> list[bool]:
    asked = [answer for answer in answers(name) if answer.form is form]
    patches = [(answer, patch_of(answer)) for answer in asked]
    return [patch is not None and is_right(answer, patch) for answer, patch in patches]
