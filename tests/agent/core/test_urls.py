import pytest

from moot.agent.core.urls import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:1/v1", "http://h:1/v1"),
        ("https://[::1]:8000/v1/", "https://[::1]:8000/v1/"),
        ("https://user:secret@h/v1?key=secret#secret", "https://h/v1"),
        ("user:secret@h:1", "h:1"),
        ("http://user:se/cr?et#@h/v1", "http://h/v1"),
        ("http://user:sec@ret@h", "http://h"),
        ("localhost:8000", "localhost:8000"),
        ("", ""),
    ],
)
def test_nothing_secret_is_shown(url, shown):
    assert shown_url(url) == shown
