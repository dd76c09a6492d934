"""Where commands run: bubblewrap, or nothing where the user said so."""
