"""Every file's symbols, references and words, keyed by blob id; and the search over them."""
