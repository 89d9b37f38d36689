"""Settings that make no sense are refused by their flags' names."""

from __future__ import annotations

from typing import Any

import pytest

from dromon.apiserver.config import ApiServerConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"watch_history_events": 0}, "--watch-history-events must be at least 1"),
        ({"watch_history_size": 0}, "--watch-history-size must be at least 1"),
        ({"watch_queue_events": -1}, "--watch-queue-events must be at least 1"),
        ({"watch_queue_size": 0}, "--watch-queue-size must be at least 1"),
        ({"max_watches": -1}, "--max-watches must not be negative"),
        ({"history_age": 0.0}, "--history-age and --history-size must be positive"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        ApiServerConfig(**settings)
