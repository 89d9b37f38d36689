"""The endpoint of snapshots: who may have one, and what is in it."""

from __future__ import annotations

import io

from dromon.api.kinds import CONFIG_MAPS
from dromon.api.types.config import ConfigMap
from dromon.api.types.meta import ObjectMeta
from dromon.client.rest import Client
from dromon.store.snapshot_file import SnapshotReader
from dromon.testing.apiserver import running_apiserver

PATH = "/dromon/v1/snapshot"


async def test_an_administrator_gets_every_key() -> None:
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        meta = ObjectMeta(name="settings", namespace="default")
        made = await client.create(CONFIG_MAPS, ConfigMap(metadata=meta, data={"a": "b"}))
        await client.close()
        answer = await api.request("GET", PATH)
        assert answer.status == 200
        reader = SnapshotReader(io.BytesIO(answer.body))
        found = {item.key: item for item in reader}
        assert reader.header.backend == "memory"
        assert reader.header.revision >= int(made.metadata.resource_version)
        item = found[CONFIG_MAPS.key("default", "settings")]
        assert str(item.mod_revision) == made.metadata.resource_version
        assert made.metadata.uid.encode() in item.value


async def test_others_get_none() -> None:
    async with running_apiserver() as api:
        assert (await api.request("GET", PATH, authorization="")).status == 401
        assert (await api.request("POST", PATH)).status == 405
        client = Client.from_kubeconfig(str(api.kubeconfig_for("system:kube-scheduler", ("some",))))
        answer = await client.raw("GET", PATH)
        await client.close()
        assert answer.status == 403
        assert b"system:masters" in answer.body
