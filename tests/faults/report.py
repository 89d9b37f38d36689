"""One line of JSON for each fault test: what was done, and what became of it."""

from __future__ import annotations

import json
from collections import Counter

from dromon.testing.faults.checker import check
from dromon.testing.faults.recording import Recording


def report(test: str, recording: Recording, **more: object) -> None:
    """Print what was seen, and fail with all that is wrong in it; pytest shows the line with -s."""
    faults = check(recording)
    outcomes = Counter(o.outcome.value for o in recording.operations)
    line = {
        "test": test,
        **more,
        "operations": outcomes,
        "lists": len(recording.listings),
        "changes": len(recording.watches[0].events),
        "resumes": sum(watch.resumes for watch in recording.watches),
        "faults": len(faults),
    }
    print("\n" + json.dumps(line), flush=True)
    assert not faults, "\n".join(faults[:40])
