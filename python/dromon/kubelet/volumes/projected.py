"""Volumes whose files come from API objects: configMap, secret, downwardAPI, and projected (several in one).

Neighbours: content says what the files contain, atomic writes them, manager calls.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping

from dromon.api.types.volume import VolumeProjection
from dromon.kubelet.volumes import atomic, content
from dromon.kubelet.volumes.atomic import File
from dromon.kubelet.volumes.interface import MountContext, VolumeError


class _Files(ABC):
    """What the types have in common: compute the files, write them at once."""

    directory = ""
    fs_group = False  # atomic hands every version to the group itself
    dynamic = True
    in_memory = False

    async def mount(self, context: MountContext) -> str:
        files = await self.files(context)
        await context.blocking(self._write, context, files)
        return context.path

    def _write(self, context: MountContext, files: Mapping[str, File]) -> None:
        os.makedirs(context.path, mode=0o755, exist_ok=True)
        if self.in_memory:
            context.mounter.tmpfs(context.path, None, 0o755)
        security = context.pod.spec.security_context
        atomic.write(context.path, files, security.fs_group if security is not None else None)

    @abstractmethod
    async def files(self, context: MountContext) -> dict[str, File]:
        """What the volume holds now, by path in it. Raises VolumeError."""


class ConfigMapPlugin(_Files):
    """A ConfigMap's keys as files."""

    directory = "kubernetes.io~configmap"

    async def files(self, context: MountContext) -> dict[str, File]:
        source = context.volume.config_map
        assert source is not None
        found = await context.sources.config_map(context.pod.metadata.namespace, source.name)
        mode = content.DEFAULT_MODE if source.default_mode is None else source.default_mode
        return content.of_config_map(found, source.name, source.items, mode, bool(source.optional))


class SecretPlugin(_Files):
    """A Secret's keys as files, in memory: they never reach a disk."""

    directory = "kubernetes.io~secret"
    in_memory = True

    async def files(self, context: MountContext) -> dict[str, File]:
        source = context.volume.secret
        assert source is not None
        found = await context.sources.secret(context.pod.metadata.namespace, source.secret_name)
        mode = content.DEFAULT_MODE if source.default_mode is None else source.default_mode
        return content.of_secret(found, source.secret_name, source.items, mode, bool(source.optional))


class DownwardAPIPlugin(_Files):
    """Fields of the pod and resources of its containers as files."""

    directory = "kubernetes.io~downward-api"

    async def files(self, context: MountContext) -> dict[str, File]:
        source = context.volume.downward_api
        assert source is not None
        mode = content.DEFAULT_MODE if source.default_mode is None else source.default_mode
        return content.of_pod(context.pod, source.items, mode, context.allocatable)


class ProjectedPlugin(_Files):
    """Several sources in one directory, in memory since secrets may be among them."""

    directory = "kubernetes.io~projected"
    in_memory = True

    async def files(self, context: MountContext) -> dict[str, File]:
        source = context.volume.projected
        assert source is not None
        mode = content.DEFAULT_MODE if source.default_mode is None else source.default_mode
        files: dict[str, File] = {}
        for projection in source.sources:
            files |= await _projection(context, projection, mode)
        return files


async def _projection(context: MountContext, projection: VolumeProjection, mode: int) -> dict[str, File]:
    namespace = context.pod.metadata.namespace
    if projection.config_map is not None:
        config_map = projection.config_map
        found = await context.sources.config_map(namespace, config_map.name)
        return content.of_config_map(
            found, config_map.name, config_map.items, mode, bool(config_map.optional)
        )
    if projection.secret is not None:
        chosen = projection.secret
        secret = await context.sources.secret(namespace, chosen.name)
        return content.of_secret(secret, chosen.name, chosen.items, mode, bool(chosen.optional))
    if projection.downward_api is not None:
        return content.of_pod(context.pod, projection.downward_api.items, mode, context.allocatable)
    fields = zip(projection.__struct_fields__, projection.__struct_encode_fields__, strict=True)
    named = [wire for name, wire in fields if getattr(projection, name) is not None]
    raise VolumeError(f"projected source {', '.join(named) or '(none)'} is not supported by this node")
