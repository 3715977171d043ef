"""``python -m retrovue``."""

import sys

from retrovue.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
