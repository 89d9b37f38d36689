"""Specs that were found valid lately: a controller's pods all have the same one, so it is judged once.

Validity is a function of the spec alone, and equal specs have equal bytes, so remembering changes no answer.

Neighbours: kinds.pod asks; spec has the checks.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from dromon.api.types.pod import PodSpec

REMEMBERED = 256
"""Specs that are remembered; the one that was longest not asked for goes first."""

LARGEST = 16 * 1024
"""Bytes of a spec that is worth remembering."""

_encode = msgspec.json.Encoder().encode


class ValidSpecs:
    """See the module."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    @staticmethod
    def key(spec: PodSpec) -> bytes:
        """What tells the spec from others."""
        return _encode(spec)

    def __contains__(self, key: bytes) -> bool:
        if key not in self._known:
            return False
        self._known.move_to_end(key)
        return True

    def add(self, key: bytes) -> None:
        """The spec has no faults."""
        if len(key) <= LARGEST:
            self._known[key] = None
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
