"""Several candidates -> one, by evidence."""
