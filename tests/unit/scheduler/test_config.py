"""Settings that can't be are refused when they are given, not when they are used."""

from __future__ import annotations

from typing import Any

import pytest

from dromon.scheduler.config import SchedulerConfig


@pytest.mark.parametrize(
    ("setting", "value"),
    [("engine", "go"), ("bind_concurrency", 0), ("seed", -1), ("seed", 2**64)],
)
def test_out_of_range(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=setting):
        SchedulerConfig("kubeconfig", **{setting: value})


def test_defaults() -> None:
    config = SchedulerConfig("kubeconfig")
    assert (config.name, config.engine, config.seed) == ("default-scheduler", "rust", None)
