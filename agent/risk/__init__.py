"""Patch -> risk and its reasons; pure."""
