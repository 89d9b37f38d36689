"""How objects are written for clients.

Neighbours: cache and watcher pass a Format's number to the Rust cache; the apiserver negotiates one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from dromon.api.resource import Resource


class Format(Enum):
    """The values are the Rust cache's numbers."""

    JSON = 0
    MSGPACK = 1
    PROTOBUF = 2


Encoders = Mapping[Format, Callable[[Resource[Any], bytes], bytes]]
"""Makes an object's other forms from its JSON, metadata.resourceVersion included. MSGPACK: a map. PROTOBUF:
the bare message, without "k8s\\0" and runtime.Unknown, which the cache puts around it where it is needed."""
