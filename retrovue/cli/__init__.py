"""The command line: ``main`` parses and calls; ``view`` is the only writer to the terminal."""
