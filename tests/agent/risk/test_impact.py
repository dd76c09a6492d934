import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.types import FileDelta
from moot.agent.core.verification import IntegrityFlag
from moot.agent.risk.assess import assess
from moot.agent.risk.impact import ALWAYS_ARGUED, impact_of
from moot.agent.risk.isotonic import Knots
from moot.agent.risk.learned import Learned

HARD = {
    "ci": FileDelta(".github/workflows/ci.yml", 1, 1, True, True),
    "migration": FileDelta("db/migrations/0002_add.py", 1, 0, False, True),
    "security": FileDelta("app/auth/login.py", 1, 1, True, True),
    "dependencies": FileDelta("package.json", 1, 1, True, True),
    "deletion": FileDelta("src/old.py", 0, 9, True, False),
}
PLAIN = FileDelta("src/shapes.py", 1, 1, True, True)
FLAG = IntegrityFlag("tests/test_x.py", 4, "weakened", "test_x no longer asserts `f() == 2`")
LEARNED = st.builds(
    Learned,
    fixed=st.floats(0, 1),
    broken=st.floats(0, 1),
    cost=st.floats(0, 10),
    knots=st.floats(0, 1).map(lambda y: Knots((0.5,), (y,))),
)


@given(LEARNED, st.sampled_from(sorted(HARD)))
def test_a_hard_rule_wins_whatever_was_learned(learned, name):
    risk = assess([HARD[name], PLAIN], learned=learned)
    assert name in risk.rules
    assert risk.high
    assert risk.ask
    assert 0 < risk.probability < 1


@given(LEARNED)
def test_weakened_tests_win_whatever_was_learned(learned):
    risk = assess([PLAIN], [FLAG], learned=learned)
    assert "tests-weakened" in risk.rules
    assert (risk.high, risk.ask, risk.impact) == (True, True, 1.0)


def test_the_lists_are_what_is_tested_here():
    assert set(HARD) | {"tests-weakened"} == ALWAYS_ARGUED


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (".circleci/config.yml", "ci"),
        ("Jenkinsfile", "ci"),
        ("schema.sql", "migration"),
        ("src/oauth2.py", "security"),
        ("src/UserAuthFilter.java", "security"),
        ("lib/token.rb", "security"),
        ("src/encryption.go", "security"),
        ("Gemfile.lock", "dependencies"),
        ("uv.lock", "dependencies"),
        ("requirements/dev.in", "dependencies"),
        ("requirements-test.txt", "dependencies"),
        ("bun.lockb", "dependencies"),
        ("web/npm-shrinkwrap.json", "dependencies"),
        ("deploy/values.yaml", "configuration"),
        ("Dockerfile", "configuration"),
        ("pkg/__init__.py", "public-surface"),
    ],
)
def test_paths_with_a_rule(path, rule):
    assert rule in impact_of([FileDelta(path, 1, 1, True, True)]).rules


@pytest.mark.parametrize(
    "path", ["src/author.py", "src/authors.py", "src/tokenizer.py", "docs/city.md", "src/latest.py"]
)
def test_paths_without_one(path):
    assert impact_of([FileDelta(path, 1, 1, True, True)]).rules == ()


def test_the_public_surface_is_worse_than_what_is_inside_and_no_hard_rule():
    impact = impact_of([PLAIN], api=["src/shapes.py no longer defines area"])
    assert impact.value > impact_of([PLAIN]).value
    assert impact.rules == ("public-api",)
    assert impact.reasons == ("src/shapes.py no longer defines area",)
    assert not impact.hard
