"""Every kind that is served, through the cache, in every format."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dromon.api import codec, protobuf
from dromon.api.kinds import RESOURCES
from dromon.api.resource import Resource
from dromon.store.cache import CachedStore, Format
from dromon.store.interface import Put
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock

ENCODERS = {Format.MSGPACK: codec.json_to_msgpack, Format.PROTOBUF: codec.json_to_protobuf}
LISTED = [r for r in RESOURCES if "list" in r.verbs]


@pytest.mark.parametrize("resource", LISTED, ids=lambda r: r.plural)
async def test_one_object_in_every_format(resource: Resource[Any]) -> None:
    cached = CachedStore(MemoryStore(FakeClock()), RESOURCES, ENCODERS, FakeClock())
    await cached.start()
    namespace = "n" if resource.namespaced else ""
    metadata = {"name": "x", "namespace": namespace, "labels": {"a": "b"}}
    body = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    put = Put(resource.key(namespace, "x"), json.dumps(body, separators=(",", ":")).encode())
    watchers = [cached.watch(resource, after=None, format=f, send_initial=True) for f in Format]
    version = str(await cached.commit([put]))

    for watcher in watchers:
        assert await watcher.frames()
        watcher.close()
    plain = codec.decode_json(resource.struct, cached.get(resource, namespace, "x") or b"")
    assert plain.metadata.resource_version == version
    packed = cached.get(resource, namespace, "x", Format.MSGPACK) or b""
    assert msgspec.msgpack.decode(packed, type=resource.struct) == plain
    assert (
        protobuf.decode(cached.get(resource, namespace, "x", Format.PROTOBUF) or b"", resource.struct)
        == plain
    )

    assert resource.list_struct is not None
    listed: Any = msgspec.json.decode((await cached.list(resource)).body, type=resource.list_struct)
    assert listed.items == [plain]
    packed = (await cached.list(resource, format=Format.MSGPACK)).body
    assert msgspec.msgpack.decode(packed, type=resource.list_struct) == listed
    wrapped = (await cached.list(resource, format=Format.PROTOBUF)).body
    assert protobuf.open_envelope(wrapped)[:2] == (resource.api_version, resource.kind + "List")
    read: Any = protobuf.decode(wrapped, resource.list_struct)
    assert read.metadata == listed.metadata
    assert [o.metadata for o in read.items] == [plain.metadata]

    assert len((await cached.objects(resource, labels="a=b", fields="metadata.name=x")).items) == 1
    for name in resource.selectable:
        await cached.list(resource, fields=f"{name}!=y")
    await cached.close()
