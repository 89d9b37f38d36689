"""Names, uids and stamps that the server gives to objects. Randomness and time come from the caller.

Source: upstream's name generator: five characters without vowels and look-alikes, so that no word is made.

Neighbours: dromon.apiserver.registry.
"""

from __future__ import annotations

import uuid
from random import Random

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX = 5
MAX_BASE = 63 - SUFFIX
ATTEMPTS = 8
"""Creates with generateName are tried so often before the client is told that the name exists."""


def generate(base: str, random: Random) -> str:
    """A name from metadata.generateName: `base`, cut to 58 characters, and five random ones."""
    return base[:MAX_BASE] + "".join(random.choices(ALPHABET, k=SUFFIX))


def uid(random: Random) -> str:
    """A version 4 UUID."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
