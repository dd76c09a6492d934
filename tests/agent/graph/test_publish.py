"""What a person is told of a publication that is not quite what was verified."""

from moot.agent.core.choices import ApplyMode
from moot.agent.core.types import Publication
from moot.agent.graph.nodes.publish import caution_of


def test_a_branch_that_moved_on_hides_no_file_that_was_left_alone():
    publication = Publication(ApplyMode.COMMIT, onto="b" * 40, left=("a.py", "c.py"))
    caution = caution_of(publication, "a" * 40)
    assert f"published on top of {'b' * 10}" in caution
    assert "you edited a.py, c.py meanwhile" in caution


def test_a_publication_of_what_was_verified_needs_no_caution():
    assert not caution_of(Publication(ApplyMode.COMMIT, commit="a" * 40), "a" * 40)
