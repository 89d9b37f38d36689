"""What `dromon up --hollow` says about simulated nodes: "seed=7,start_seconds=uniform:0:2,events=no".

Neighbours: cli.settings checks it, cli.topology makes the hollow component's values of it.
"""

from __future__ import annotations

import typing
from typing import Any

from dromon.kubelet.hollow_config import HollowConfig

NAMES = (
    "cpu",
    "memory",
    "max_pods",
    "seed",
    "pull_seconds",
    "start_seconds",
    "ready_seconds",
    "run_seconds",
    "fail_share",
    "crash_share",
    "events",
)
"""The fields of HollowConfig that can be set so."""

_TRUTH = {"yes": True, "true": True, "no": False, "false": False}


def parse(text: str) -> dict[str, Any]:
    """Fields of HollowConfig.

    Raises:
        ValueError: what is wrong with the text.
    """
    hints = typing.get_type_hints(HollowConfig)
    values: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, mark, value = part.partition("=")
        name = name.strip().replace("-", "_")
        if not mark or name not in NAMES:
            raise ValueError(f"{part!r}: write NAME=VALUE, where NAME is one of {', '.join(NAMES)}")
        try:
            kind = hints[name]
            values[name] = _TRUTH[value.lower()] if kind is bool else kind(value.strip())
        except (KeyError, ValueError):
            raise ValueError(f"{part!r}: {value!r} is no {kind.__name__}") from None
    HollowConfig("", **values)
    return values
