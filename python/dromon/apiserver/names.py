"""Names, uids and stamps that the server gives to objects. Randomness and time come from the caller.

Source: upstream's name generator: five characters without vowels and look-alikes, so that no word is made.

Neighbours: dromon.apiserver.registry.
"""

from __future__ import annotations

from random import Random

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX = 5
MAX_BASE = 63 - SUFFIX
ATTEMPTS = 8
"""Creates with generateName are tried so often before the client is told that the name exists."""


def generate(base: str, random: Random) -> str:
    """A name from metadata.generateName: `base`, cut to 58 characters, and five random ones."""
    number = random.getrandbits(64)  # far more than 27^5, so that none of the names is likelier by much
    suffix = ""
    for _ in range(SUFFIX):
        number, letter = divmod(number, len(ALPHABET))
        suffix += ALPHABET[letter]
    return base[:MAX_BASE] + suffix


def uid(random: Random) -> str:
    """A version 4 UUID."""
    bits = random.getrandbits(128)
    bits = bits & ~(0xF000 << 64) | 0x4000 << 64  # version 4 (RFC 9562, 5.4)
    bits = bits & ~(0xC000 << 48) | 0x8000 << 48  # the RFC's variant
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
