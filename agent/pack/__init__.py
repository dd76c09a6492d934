"""Ranked material -> one context within a token budget; pure and deterministic."""
