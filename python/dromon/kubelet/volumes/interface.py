"""The seam of volumes: what the kubelet asks, and what a volume type implements.

A volume lives as long as its pod and is shared by its containers (talk, slide 20). A type is one module with
one class and one line in manager.PLUGINS.

Neighbours: manager.Volumes implements VolumeManager over the plug-ins of this package.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.pod import Pod
from dromon.api.types.volume import Volume


class VolumeError(Exception):
    """A volume can't be mounted (yet); the text is fit for an Event ("FailedMount")."""


class Sources(Protocol):
    """Where volumes read API objects from. None when there is no such object."""

    async def config_map(self, namespace: str, name: str) -> ConfigMap | None: ...

    async def secret(self, namespace: str, name: str) -> Secret | None: ...


class Mounter(Protocol):
    """What needs privileges; its methods block."""

    def tmpfs(self, path: str, size: int | None, mode: int) -> None:
        """Mount a tmpfs of at most `size` bytes (None: the kernel's default), unless `path` is one."""
        ...

    def unmount(self, path: str) -> None:
        """Unmount `path`; not being mounted is fine."""
        ...

    def below(self, path: str) -> list[str]:
        """Mount points at or below `path`, deepest first."""
        ...


class VolumeManager(Protocol):
    """The volumes of one node's pods. Calls for different pods may be concurrent; none blocks the event
    loop.
    """

    async def mount(self, pod: Pod) -> Mapping[str, str]:
        """Make every volume of `pod.spec.volumes` ready.

        Idempotent: what is mounted stays, content that comes from the API is brought up to date.

        Returns:
            volume name -> absolute host path to bind into containers.

        Raises:
            VolumeError: the first volume that could not be made ready; the others may be.
        """
        ...

    async def refresh(self, pod: Pod) -> None:
        """Bring configMap, secret, downwardAPI and projected content of a mounted pod up to date
        (atomically).
        """
        ...

    async def unmount(self, pod_uid: str) -> None:
        """Unmount and remove everything of the pod's volumes. Unknown pods are fine."""
        ...


@dataclass(frozen=True, slots=True)
class MountContext:
    """What a plug-in gets to work with.

    Attributes:
        pod: whose volume it is.
        volume: the volume.
        path: the volume's own directory, <root>/pods/<uid>/volumes/<plug-in directory>/<name>; not yet made.
        sources: API objects.
        allocatable: resource name -> quantity in base units (cpu in milli), the default of limits in
        downwardAPI. blocking: runs a blocking function in a thread.
    """

    pod: Pod
    volume: Volume
    path: str
    sources: Sources
    allocatable: Mapping[str, int]
    mounter: Mounter
    blocking: Callable[..., Awaitable[Any]]


class VolumePlugin(Protocol):
    """One volume type.

    Attributes:
        directory: upstream's name of the type's directory: "kubernetes.io~empty-dir".
        fs_group: whether the pod's fsGroup owns the content.
        dynamic: whether the content follows API objects (VolumeManager.refresh).
    """

    directory: str
    fs_group: bool
    dynamic: bool

    async def mount(self, context: MountContext) -> str:
        """Make the volume ready (idempotent) and return the host path to bind."""
        ...
