"""The root of every error that a user can mend."""

from __future__ import annotations


class RetroVueError(Exception):
    """Says what is wrong and, in ``help``, what to do. Shown without a traceback."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help
