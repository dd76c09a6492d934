import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.types import FileDelta
from moot.agent.risk.assess import assess
from moot.agent.risk.features import Surroundings, entropy, features_of
from moot.agent.risk.past import FileHistory


@given(st.lists(st.integers(0, 10**6), max_size=30))
def test_entropy_is_a_share(lines):
    assert 0 <= entropy(lines) <= 1


def test_entropy_is_1_where_all_files_change_alike():
    assert entropy([5, 5, 5, 5]) == pytest.approx(1)
    assert entropy([9]) == entropy([]) == entropy([4, 0]) == 0
    assert 0 < entropy([9, 1]) < 0.5


def test_features_of_a_change():
    around = Surroundings(
        past=FileHistory({"src/a.py": 8, "b.py": 2}, {"src/a.py": 2}), fan_in=("area", 7), disagreement=0.5
    )
    deltas = [FileDelta("src/a.py", 3, 1, True, True), FileDelta("new.py", 4, 0, False, True)]
    features = features_of(deltas, around)
    assert (features.added, features.removed, features.files, features.folders) == (7, 1, 2, 2)
    assert (features.churn, features.fixes) == (8, 2)  # a new file has no past
    assert (features.fan_in, features.uncovered, features.disagreement) == (7, None, 0.5)
    assert assess(deltas, around=around).features == features
