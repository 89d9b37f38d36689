"""Which form the fault tests take: short in `make test`, long in `make faults`; and what all is drawn from.

DROMON_FAULTS=long chooses the long form, DROMON_FAULTS_SEED another seed.
"""

from __future__ import annotations

import os

LONG = os.environ.get("DROMON_FAULTS") == "long"
SEED = int(os.environ.get("DROMON_FAULTS_SEED", "11"))
