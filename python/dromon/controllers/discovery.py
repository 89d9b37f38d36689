"""Which resources the cluster serves, asked of the apiserver itself: kinds nobody compiled in count, too.

Neighbours: namespaces and garbage work on whatever is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dromon.api.errors import ApiError
from dromon.api.resource import Resource
from dromon.api.types.discovery_api import APIGroupList, APIResource, APIResourceList
from dromon.client.refusals import from_response
from dromon.client.rest import Client, ConnectionFailed
from dromon.controllers.views import ObjectView, ObjectViewList


@dataclass(slots=True)
class Discovered:
    """The served resources, each in one version (the group's preferred one, if it has it there).

    Attributes:
        failures: group versions that could not be asked, each with the reason; their resources are missing.
    """

    resources: list[Resource[Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def discover(client: Client) -> Discovered:
    """Ask for everything that is served.

    Raises:
        ApiError, ConnectionFailed: not even the list of groups can be had.
    """
    groups = msgspec.json.decode(await _get(client, "/apis"), type=APIGroupList)
    paths = [("", "/api/v1")]
    for group in groups.groups:
        preferred = group.preferred_version.group_version
        versions = sorted((v.group_version for v in group.versions), key=lambda v: v != preferred)
        paths += [(group.name, f"/apis/{v}") for v in versions]
    answers = await asyncio.gather(*(_resources(client, path) for _, path in paths))
    found = Discovered()
    seen: set[tuple[str, str]] = set()
    for (group_name, path), answer in zip(paths, answers, strict=True):
        if isinstance(answer, str):
            found.failures.append(f"{path.rpartition('apis/')[2].removeprefix('/api/')}: {answer}")
            continue
        for resource in declare(group_name, answer):
            if (resource.group, resource.plural) not in seen:
                seen.add((resource.group, resource.plural))
                found.resources.append(resource)
    return found


def declare(group: str, listed: APIResourceList) -> Iterable[Resource[Any]]:
    """The resources of one group version, subresources left out."""
    version = listed.group_version.rpartition("/")[2]
    for item in listed.resources:
        if "/" not in item.name:
            yield _resource(group, version, item)


def _resource(group: str, version: str, item: APIResource) -> Resource[Any]:
    return Resource(
        group=item.group or group,
        version=item.version or version,
        kind=item.kind,
        plural=item.name,
        struct=ObjectView,
        list_struct=ObjectViewList,
        namespaced=item.namespaced,
        verbs=tuple(item.verbs),
    )


async def _resources(client: Client, path: str) -> APIResourceList | str:
    try:
        return msgspec.json.decode(await _get(client, path), type=APIResourceList)
    except (ApiError, ConnectionFailed, msgspec.DecodeError) as error:
        return str(error)


async def _get(client: Client, path: str) -> bytes:
    answer = await client.raw("GET", path, headers={"Accept": "application/json"})
    if answer.status != 200:
        raise from_response(answer)
    return bytes(answer.body)
