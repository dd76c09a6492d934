import math

from moot.agent.core.config import Settings
from moot.agent.core.types import EditFormat
from moot.agent.models.profiles import choose
from tests.agent.edits.recorded import answers, changed_by, is_held_out, is_right, recorded_profiles


def test_a_measured_profiles_format_is_not_worse_than_the_best():
    """By the share of held-out answers that change the right definition; a two-sided z test at 5%."""
    measured = recorded_profiles()
    assert "qwen2.5-coder-1.5b-cpu" in measured
    for name in measured:
        rates = {form: right for form in EditFormat if (right := _rights(name, form))}
        asked = {len(right) for right in rates.values()}
        assert min(asked) >= 35, "too few answers to compare: record the missing ones"
        chosen = rates[choose(Settings(), name).edit_format]
        best = max(rates.values(), key=lambda right: sum(right) / len(right))
        worse_by = sum(best) / len(best) - sum(chosen) / len(chosen)
        pooled = sum(best + chosen) / len(best + chosen)
        error = math.sqrt(pooled * (1 - pooled) * (1 / len(best) + 1 / len(chosen)))
        assert worse_by <= 1.96 * error, (name, sum(chosen) / len(chosen), sum(best) / len(best))


def _rights(name: str, form: EditFormat) -> list[bool]:
    asked = [answer for answer in answers(name) if answer.form is form and is_held_out(answer.task)]
    changed = [(answer, changed_by(answer)) for answer in asked]
    return [files is not None and is_right(answer, files) for answer, files in changed]
