"""What of an HTTP server's faults is worth a line in the log."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError


class OurFaults(logging.Filter):
    """Drops the tracebacks of requests that are no HTTP: every port on a network hears such noise."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
