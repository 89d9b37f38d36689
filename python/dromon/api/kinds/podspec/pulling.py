"""Image references, as far as the API needs to read them.

Neighbours: defaults, volume_defaults.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1024)
def pull_policy(image: str) -> str:
    """Always for the tag "latest" or none, else IfNotPresent (a digest never changes)."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or (name and not tag and not digest) else "IfNotPresent"
