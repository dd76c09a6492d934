"""Halves of characters, which Python makes of bytes that are not UTF-8, and which cannot be written."""

import re

__all__ = ["has_surrogates"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def has_surrogates(text: str) -> bool:
    """Tell whether a text holds a lone surrogate."""
    return _SURROGATE.search(text) is not None
