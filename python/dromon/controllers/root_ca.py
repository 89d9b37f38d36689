"""Publishes the cluster's CA as ConfigMap kube-root-ca.crt in every active namespace, so that pods can trust
the apiserver.

Neighbours: serviceaccounts works in the same way; config.root_ca_file says what is published.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import msgspec

from dromon.api import kinds
from dromon.api.types.config import ConfigMap
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.controllers.controller import (
    Context,
    Controller,
    Retry,
    already_exists,
    is_not_found,
    namespace_terminating,
)
from dromon.controllers.serviceaccounts import is_active

NAME = "kube-root-ca.crt"
ANNOTATIONS = {"kubernetes.io/description": "The CA that vouches for the API server, for clients in pods."}


def plan_root_ca(namespace: Namespace, current: ConfigMap | None, pem: str) -> ConfigMap | None:
    """The ConfigMap to create (`current` None) or to update to, or None: nothing is to be done."""
    if not is_active(namespace):
        return None
    data = {"ca.crt": pem}
    if current is None:
        meta = ObjectMeta(name=NAME, namespace=namespace.metadata.name, annotations=dict(ANNOTATIONS))
        return ConfigMap(metadata=meta, data=data)
    if current.data == data and not current.binary_data:
        return None
    return msgspec.structs.replace(current, data=data, binary_data={})


class RootCAController(Controller[str]):
    """The loop; its key is a namespace's name."""

    name: ClassVar[str] = "root-ca-certificate-publisher"
    workers: ClassVar[int] = 4

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pem = ""
        self.namespaces = context.informers.of(kinds.NAMESPACES)
        self.maps = context.informers.of(kinds.CONFIG_MAPS, fields=f"metadata.name={NAME}")
        self.watch(self.namespaces, self.on_namespace)
        self.watch(self.maps, self.on_map)

    def on_namespace(self, old: Namespace | None, new: Namespace | None) -> None:
        """A namespace is new or changed."""
        if new is not None:
            self.queue.add(new.metadata.name)

    def on_map(self, old: ConfigMap | None, new: ConfigMap | None) -> None:
        """Somebody changed or deleted what is published: mend it."""
        obj = new or old
        if old is not None and obj is not None:
            self.queue.add(obj.metadata.namespace)

    async def reconcile(self, key: str) -> None:
        if not self._pem:
            path = Path(self.context.config.root_ca_file)
            try:
                self._pem = await asyncio.to_thread(path.read_text, "ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise Retry(f"the CA can't be published: {error}") from error
        namespace = self.namespaces.get("", key)
        if namespace is None:
            return
        current = self.maps.get(key, NAME)
        wanted = plan_root_ca(namespace, current, self._pem)
        if wanted is None:
            return
        try:
            if current is None:
                await self.client.create(kinds.CONFIG_MAPS, wanted)
            else:
                await self.client.update(kinds.CONFIG_MAPS, wanted)
        except Exception as error:
            gone = namespace_terminating(error) or is_not_found(error)
            if not gone and not already_exists(error):
                raise
