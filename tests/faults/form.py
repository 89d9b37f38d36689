"""Which form the fault tests take: short in `make test`, long in `make faults`."""

from __future__ import annotations

import os

LONG = os.environ.get("DROMON_FAULTS") == "long"
