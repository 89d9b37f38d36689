"""Images: pull policies, and the pause image that the node makes for itself.

Source: the Kubernetes documentation "Images".

Neighbours: operations asks before it makes a container; pause has the program.
"""

from __future__ import annotations

import logging
import platform
import re
from typing import Protocol

from dromon.kubelet.pause import image_tar
from dromon.kubelet.runtime.interface import Image, RuntimeFailure

log = logging.getLogger(__name__)

PAUSE_IMAGE = "dromon.local/pause:1"

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?/)?"
_REFERENCE = re.compile(
    rf"^{_DOMAIN}{_COMPONENT}(?:/{_COMPONENT})*(?::[\w][\w.-]{{0,127}})?(?:@[a-z0-9]+:[0-9a-f]{{32,}})?$"
)


class ImageStore(Protocol):
    """What `ensure_pause` needs of a runtime."""

    async def image(self, reference: str) -> Image | None: ...

    async def import_image(self, tar: bytes, reference: str, changes: tuple[str, ...]) -> None: ...


async def ensure_pause(runtime: ImageStore, reference: str = PAUSE_IMAGE) -> None:
    """Make the pause image unless it is there.

    Raises:
        RuntimeFailure: it can't be made, or this processor has no pause program.
    """
    if await runtime.image(reference) is not None:
        return
    machine = platform.machine()
    try:
        tar = image_tar(machine)
    except KeyError:
        raise RuntimeFailure(
            f"there is no pause program for {machine}: load an image named {reference}"
        ) from None
    await runtime.import_image(tar, reference, ('ENTRYPOINT ["/pause"]',))
    log.info("made the pause image", extra={"image": reference})


def valid_reference(reference: str) -> bool:
    """Whether an image's name can be right (else InvalidImageName)."""
    return bool(_REFERENCE.match(reference))


def pull_policy(reference: str, policy: str) -> str:
    """The policy in force: as given, else Always for :latest and untagged images, IfNotPresent for others."""
    if policy:
        return policy
    tail = reference.rpartition("/")[2]
    untagged = ":" not in tail and "@" not in reference
    return "Always" if untagged or tail.endswith(":latest") else "IfNotPresent"
