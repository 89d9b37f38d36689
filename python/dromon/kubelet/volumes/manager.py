"""The volumes of a node's pods: finds the plug-in of each volume, keeps the directories, takes them away.

Layout, as upstream's: <root>/pods/<uid>/volumes/<plug-in directory>/<volume>.

Neighbours: interface says what it promises; one module a type beside it; PLUGINS is the one table of them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Mapping

from dromon.api.types.pod import Pod
from dromon.api.types.volume import Volume, VolumeSource
from dromon.kubelet.volumes.emptydir import EmptyDirPlugin
from dromon.kubelet.volumes.gitrepo import GitRepoPlugin
from dromon.kubelet.volumes.hostpath import HostPathPlugin
from dromon.kubelet.volumes.interface import MountContext, Mounter, Sources, VolumeError, VolumePlugin
from dromon.kubelet.volumes.mounts import SystemMounter
from dromon.kubelet.volumes.ownership import give_to_group
from dromon.kubelet.volumes.projected import (
    ConfigMapPlugin,
    DownwardAPIPlugin,
    ProjectedPlugin,
    SecretPlugin,
)

PLUGINS: Mapping[str, VolumePlugin] = {
    "empty_dir": EmptyDirPlugin(),
    "host_path": HostPathPlugin(),
    "git_repo": GitRepoPlugin(),
    "config_map": ConfigMapPlugin(),
    "secret": SecretPlugin(),
    "downward_api": DownwardAPIPlugin(),
    "projected": ProjectedPlugin(),
}
"""Field of VolumeSource -> plug-in. A new type is one module and one line here."""

_WIRE_NAMES = dict(zip(VolumeSource.__struct_fields__, VolumeSource.__struct_encode_fields__, strict=True))


def source_of(volume: Volume) -> str:
    """The field of the volume that says its type; a volume without one is an emptyDir, as upstream
    defaults.
    """
    for field in VolumeSource.__struct_fields__:
        if getattr(volume, field) is not None:
            return field
    return "empty_dir"


class Volumes:
    """Implements VolumeManager.

    Args:
        root_dir: the kubelet's root.
        sources: where ConfigMaps and Secrets are read.
        allocatable: resource -> amount in base units (cpu in milli): limits that a container has not set.
        mounter: mounts and unmounts.
        plugins: the types.
    """

    def __init__(
        self,
        root_dir: str,
        sources: Sources,
        *,
        allocatable: Mapping[str, int] | None = None,
        mounter: Mounter | None = None,
        plugins: Mapping[str, VolumePlugin] = PLUGINS,
    ) -> None:
        self._root = os.path.abspath(root_dir)
        self._sources = sources
        self._allocatable = allocatable or {}
        self._mounter = mounter or SystemMounter()
        self._plugins = plugins
        self._locks: dict[str, asyncio.Lock] = {}

    async def mount(self, pod: Pod) -> Mapping[str, str]:
        async with self._lock(pod.metadata.uid):
            return await self._mount(pod, pod.spec.volumes)

    async def refresh(self, pod: Pod) -> None:
        followed = [
            volume
            for volume in pod.spec.volumes
            if (plugin := self._plugins.get(source_of(volume))) is not None and plugin.dynamic
        ]
        if followed:
            async with self._lock(pod.metadata.uid):
                await self._mount(pod, followed)

    async def unmount(self, pod_uid: str) -> None:
        async with self._lock(pod_uid):
            await asyncio.to_thread(remove, self._pod_dir(pod_uid), self._mounter)
        self._locks.pop(pod_uid, None)

    def _lock(self, pod_uid: str) -> asyncio.Lock:
        return self._locks.setdefault(pod_uid, asyncio.Lock())

    def _pod_dir(self, pod_uid: str) -> str:
        if not pod_uid or "/" in pod_uid or pod_uid in (".", ".."):
            raise VolumeError(f"invalid pod uid {pod_uid!r}")
        return os.path.join(self._root, "pods", pod_uid)

    async def _mount(self, pod: Pod, volumes: Iterable[Volume]) -> dict[str, str]:
        chosen = list(volumes)
        results = await asyncio.gather(*(self._one(pod, volume) for volume in chosen), return_exceptions=True)
        paths = {}
        for volume, result in zip(chosen, results, strict=True):
            if isinstance(result, BaseException):
                if not isinstance(result, VolumeError | OSError):
                    raise result
                text = f'MountVolume.SetUp failed for volume "{volume.name}" : {result}'
                raise VolumeError(text) from result
            paths[volume.name] = result
        return paths

    async def _one(self, pod: Pod, volume: Volume) -> str:
        source = source_of(volume)
        plugin = self._plugins.get(source)
        if plugin is None:
            raise VolumeError(f"volume type {_WIRE_NAMES[source]} is not supported by this node")
        directory = self._pod_dir(pod.metadata.uid)
        path = os.path.join(directory, "volumes", plugin.directory, volume.name)
        context = MountContext(
            pod, volume, path, self._sources, self._allocatable, self._mounter, asyncio.to_thread
        )
        fresh = not await asyncio.to_thread(os.path.exists, path)
        mounted = await plugin.mount(context)
        security = pod.spec.security_context
        if plugin.fs_group and fresh and security is not None and security.fs_group is not None:
            await asyncio.to_thread(give_to_group, mounted, security.fs_group)
        return mounted


def remove(pod_dir: str, mounter: Mounter) -> list[str]:
    """Unmount and remove the volumes of one pod. Blocks. What hostPath volumes show is not below, and stays.

    Returns:
        the mount points that were there.

    Raises:
        VolumeError: something is still mounted: nothing below may be deleted then.
    """
    points = mounter.below(pod_dir)
    for point in points:
        mounter.unmount(point)
    left = mounter.below(pod_dir)
    if left:
        raise VolumeError(f"can't unmount {left[0]}")
    for name in ("volumes", "plugins"):
        shutil.rmtree(os.path.join(pod_dir, name), ignore_errors=True)
    return points
