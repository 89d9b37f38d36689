"""Which tests this machine can run: those that need a recent kubectl are skipped where there is none."""

from __future__ import annotations

import pytest

from dromon.testing.cluster import kubectl_minor

MINOR = 31
"""The tests drive kubectl as of 1.31 and later; Debian 12 has 1.20, which lacks `wait --for=jsonpath`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("kubectl")]
    if not marked or kubectl_minor() >= MINOR:
        return
    skip = pytest.mark.skip(reason=f"needs kubectl 1.{MINOR} or newer")
    for item in marked:
        item.add_marker(skip)
