"""What linters and type checkers say anew of an edit."""
