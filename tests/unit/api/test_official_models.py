"""No field that the official Python client knows is lost: our structs against its models."""

from __future__ import annotations

import importlib
import pkgutil
import typing
from typing import Any

import kubernetes.client.models as models
import msgspec
import pytest

from dromon.api import types
from dromon.api.kinds import RESOURCES
from dromon.api.types.base import Api

RENAMED = {
    "Event": "CoreV1Event",
    "EventSeries": "CoreV1EventSeries",
    "EndpointPort": "CoreV1EndpointPort",
    "ResourceClaim": "CoreV1ResourceClaim",
}
DISCOVERY = {"EndpointPort": "DiscoveryV1EndpointPort"}


def model_of(struct: type[Api]) -> Any:
    name = struct.__name__
    if struct.__module__.endswith(".discovery") and name in DISCOVERY:
        return getattr(models, DISCOVERY[name])
    if struct.__module__.endswith(".hpa"):
        return getattr(models, f"V2{name}", None)
    return getattr(models, RENAMED.get(name, f"V1{name}"), None)


def structs_in(hint: Any) -> list[type[Api]]:
    if isinstance(hint, type) and issubclass(hint, Api):
        return [hint]
    return [s for a in typing.get_args(hint) for s in structs_in(a)]


def reachable() -> list[type[Api]]:
    found: dict[type[Api], None] = {}
    todo: list[type[Api]] = [r.struct for r in RESOURCES]
    for info in pkgutil.iter_modules(types.__path__, f"{types.__name__}."):
        members = vars(importlib.import_module(info.name)).values()
        todo += [m for m in members if isinstance(m, type) and issubclass(m, Api)]
    while todo:
        struct = todo.pop()
        if struct in found:
            continue
        found[struct] = None
        for hint in typing.get_type_hints(struct).values():
            todo.extend(structs_in(hint))
    return list(found)


@pytest.mark.parametrize("struct", reachable(), ids=lambda s: s.__name__)
def test_every_field_of_the_official_model_is_there(struct: type[Api]) -> None:
    model = model_of(struct)
    if model is None:
        pytest.skip("the client has no such model")
    ours = {f.encode_name for f in msgspec.structs.fields(struct)}
    theirs = set(model.attribute_map.values())
    assert theirs <= ours, theirs - ours
