"""Version: names what a compile depends on besides its inputs; pure."""

from __future__ import annotations

from retrovue import __version__

#: Raised whenever the compiler makes other rows of the same inputs.
REVISION = 6

#: An artefact by another compiler saves no work.
COMPILER = f"{__version__}/{REVISION}"
