"""One line of JSON for each fault test: what was done, and what became of it."""

from __future__ import annotations

import json
from collections import Counter

from dromon.testing.faults.recording import Recording


def report(test: str, recording: Recording, **more: object) -> None:
    """Print the line; pytest shows it with -s, as `make faults` does."""
    outcomes = Counter(o.outcome.value for o in recording.operations)
    line = {
        "test": test,
        **more,
        "operations": outcomes,
        "lists": len(recording.listings),
        "changes": len(recording.watches[0].events),
        "resumes": sum(watch.resumes for watch in recording.watches),
    }
    print("\n" + json.dumps(line), flush=True)
