"""Run every benchmark and write the figures to bench/results/: `make bench`.

Neighbours: bench_*.py hold the benchmarks, storm.py the one of the whole system.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def main() -> int:
    """Benchmarks first, then a small storm; the exit code is that of what failed."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%d")
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    raw = results / "raw.json"
    command = [sys.executable, "-m", "pytest", "-q", "--benchmark-enable", f"--benchmark-json={raw}"]
    files = sorted(str(f) for f in HERE.glob("bench_*.py"))
    code = subprocess.run([*command, *files], check=False).returncode
    figures = {}
    if raw.exists():
        for bench in json.loads(raw.read_text())["benchmarks"]:
            stats = bench["stats"]
            figures[bench["name"]] = {
                "median_us": round(stats["median"] * 1e6, 2),
                "min_us": round(stats["min"] * 1e6, 2),
                "rounds": stats["rounds"],
                **bench["extra_info"],
            }
        raw.unlink()
    storm = subprocess.run(
        [sys.executable, str(HERE / "storm.py"), "--nodes", "100", "--pods", "2000"],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    code = code or storm.returncode
    out = {
        "date": stamp,
        "machine": machine(),
        "benchmarks": figures,
        "storm": json.loads(storm.stdout.splitlines()[-1]) if storm.stdout.strip() else None,
    }
    target = results / f"{stamp}.json"
    target.write_text(json.dumps(out, indent=1) + "\n")
    print(f"figures are in {target}")
    return code


if __name__ == "__main__":
    sys.exit(main())
