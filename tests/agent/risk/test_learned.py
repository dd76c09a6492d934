from hypothesis import given
from hypothesis import strategies as st

from moot.agent.risk.isotonic import Knots
from moot.agent.risk.learned import DEFAULTS, Learned, load_learned, save_learned


def test_what_is_saved_comes_back_and_only_its_owner_reads_it(tmp_path):
    learned = Learned(0.3, 0.02, 0.01, Knots((0.1, 0.5), (0.2, 0.4)), 120, "2030-01-01T00:00:00+00:00")
    file = save_learned(tmp_path / "data", learned)
    assert load_learned(tmp_path / "data") == learned
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["risk.json"]


def test_without_a_file_or_with_a_damaged_one_the_defaults_count(tmp_path):
    assert load_learned(tmp_path) == DEFAULTS
    (tmp_path / "risk.json").write_text('{"fixed": "much"}')
    assert load_learned(tmp_path) == DEFAULTS


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_gain_grows_with_the_probability(low, high, impact):
    low, high = sorted((low, high))
    assert DEFAULTS.gain(low, impact) <= DEFAULTS.gain(high, impact)


def test_arguing_does_not_pay_where_it_breaks_as_much_as_it_mends():
    assert not Learned(fixed=0.2, broken=0.2).argues(0.5, 1.0)
    assert Learned(fixed=0.2, broken=0.0).argues(0.5, 1.0)
