"""What the processes of a cluster used: CPU seconds and proportional memory, read from /proc.

Neighbours: storm.py reports it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

PERIOD = 2.0
"""Seconds between looks at memory: each costs the kernel a walk of all pages."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Processes:
    """The cluster in `directory`, and this process ("observer"). A context manager: watches while entered."""

    def __init__(self, directory: Path) -> None:
        state = json.loads((directory / "run" / "state.json").read_text())
        self._pids: dict[str, int] = {"observer": os.getpid(), "supervisor": state["pid"]}
        self._pids |= {c["name"]: c["pid"] for c in state["components"]}
        self._peaks: dict[str, float] = {}
        self._before: Mapping[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Processes:
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def figures(self, pods: int) -> dict[str, dict[str, float]]:
        """For each process: CPU seconds since it was entered, microseconds a pod, peak memory (PSS, MB)."""
        self._look()
        figures = {}
        for name, pid in self._pids.items():
            seconds = cpu_seconds(pid) - self._before[name]
            figures[name] = {
                "cpu_s": round(seconds, 2),
                "cpu_us_per_pod": round(seconds / max(pods, 1) * 1e6),
                "peak_pss_mb": round(self._peaks.get(name, 0.0), 1),
            }
        return figures

    def _sample(self) -> None:
        while not self._stop.wait(PERIOD):
            self._look()

    def _look(self) -> None:
        for name, pid in self._pids.items():
            self._peaks[name] = max(self._peaks.get(name, 0.0), pss_mb(pid))


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used; 0 where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(stat[11]) + int(stat[12])) / _TICKS


def pss_mb(pid: int) -> float:
    """A process's proportional set size: what it shares with others is counted in parts."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
