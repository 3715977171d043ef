"""Sources: where the access units of one segment come from."""
