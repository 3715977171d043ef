"""How many examples a property is tried on: few on every run, ten times as many when asked.

RETROVUE_EXAMPLES=10 pytest tests/compiler tests/station tests/changes
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

#: The environment's word: a factor.
ENVIRONMENT = "RETROVUE_EXAMPLES"


def examples(count: int, shrink: bool = True) -> Callable[[Any], Any]:
    """``count`` examples, or as many times that as the environment says; no time limit for one.

    ``shrink`` false: where an example is nothing but seeds, a smaller one says no more, and takes minutes
    to find.
    """
    factor = int(os.environ.get(ENVIRONMENT, "1"))
    tried = settings(
        max_examples=count * factor,
        deadline=None,
        phases=tuple(p for p in Phase if shrink or p not in (Phase.shrink, Phase.explain)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

    def decorate(test: Any) -> Any:
        # Ten times the examples may take ten times as long, and longer on a busy machine.
        return pytest.mark.timeout(0)(tried(test)) if factor > 1 else tried(test)

    return decorate
