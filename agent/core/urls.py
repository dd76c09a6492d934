"""URLs as they may be shown."""

import re

__all__ = ["shown_url"]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def shown_url(url: str) -> str:
    """Return a URL, or what was meant as one, without user, password, query and fragment.

    Whatever stands before the last `@` may be a password, also where the rest is no URL.
    """
    match = _SCHEME.match(url)
    scheme = match[0] if match else ""
    return scheme + re.split("[?#]", url[len(scheme) :].rpartition("@")[2], maxsplit=1)[0]
