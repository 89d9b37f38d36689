"""The endpoint of snapshots: who may have one, and what is in it."""

from __future__ import annotations

import asyncio
import io
import json

from dromon.api.kinds import CONFIG_MAPS, SERVICES
from dromon.api.types.config import ConfigMap
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver.ipranges import IPS, PORTS, RANGES
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


async def test_it_shows_one_revision_while_many_write() -> None:
    """A Service and the keys that hold its address and port are written together, and so seen together."""
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        done = False

        async def write(writer: int) -> int:
            made = 0
            while not done:
                meta = ObjectMeta(name=f"s-{writer}", namespace="default")
                spec = ServiceSpec(type="NodePort", ports=[ServicePort(port=80, protocol="TCP")])
                await client.create(SERVICES, Service(metadata=meta, spec=spec))
                await client.delete(SERVICES, meta.name, "default")
                made += 1
            return made

        writers = [asyncio.ensure_future(write(w)) for w in range(50)]
        for _ in range(20):
            answer = await api.request("GET", PATH)
            items = list(SnapshotReader(io.BytesIO(answer.body)))
            services = [json.loads(i.value) for i in items if i.key.startswith(SERVICES.prefix)]
            addresses = {IPS + s["spec"]["clusterIP"] for s in services}
            ports = {
                f"{PORTS}{p['nodePort']}" for s in services for p in s["spec"]["ports"] if "nodePort" in p
            }
            assert {i.key for i in items if i.key.startswith(RANGES)} == addresses | ports
        done = True
        assert min(await asyncio.gather(*writers)) > 0
        await client.close()
