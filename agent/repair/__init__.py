"""Fault localisation and fill-in-the-middle repair candidates."""
