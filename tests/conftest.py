"""For every test: which this machine can run, and how hypothesis draws.

Those that need a recent kubectl are skipped where there is none. Examples are drawn the same way in every
run, so that a red run is red again; `--hypothesis-profile=explore` draws others.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

from dromon.testing.cluster import kubectl_minor

# No deadline: how long an example takes says more about the machine's load than about the code.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("same")

MINOR = 31
"""The tests drive kubectl as of 1.31 and later; Debian 12 has 1.20, which lacks `wait --for=jsonpath`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("kubectl")]
    if not marked or kubectl_minor() >= MINOR:
        return
    skip = pytest.mark.skip(reason=f"needs kubectl 1.{MINOR} or newer")
    for item in marked:
        item.add_marker(skip)
