"""``python -m retrovue``."""

import sys

from retrovue.cli.main import program

if __name__ == "__main__":
    sys.exit(program())
