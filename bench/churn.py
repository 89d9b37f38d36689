"""Steady coming and going: pods are created at a rate, and each is deleted once it runs.

Neighbours: storm.py runs it after the storm; observer.py watches.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from http.client import HTTPException
from typing import Any

from observer import Api, Observer, send

DRAIN = 30.0
"""Seconds that the last pods have to run."""

WORKERS = 4
"""Connections that create, and as many that delete."""


def churn(api: Api, path: str, rate: float, seconds: float) -> dict[str, Any]:
    """Create `rate` pods a second under `path` for `seconds`; returns what was seen.

    Raises:
        RuntimeError: a request was refused, or not every pod ran.
    """
    total = int(rate * seconds)
    running: queue.SimpleQueue[str] = queue.SimpleQueue()
    observer = Observer(total, on_running=running.put)
    observer.begin(api, path, seconds + DRAIN)
    failures: list[str] = []
    deleted: list[str] = []
    numbers = iter(range(total))
    lock = threading.Lock()
    start = time.monotonic()

    def create() -> None:
        connection = api.connect()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None or failures:
                return
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            _ask(connection, "POST", f"{path}/pods", pod(f"churn-{number}"), failures)

    def delete() -> None:
        connection = api.connect()
        while not failures:
            try:
                name = running.get(timeout=0.5)
            except queue.Empty:
                if observer.done.is_set():
                    return
                continue
            _ask(connection, "DELETE", f"{path}/pods/{name}", None, failures)
            deleted.append(name)

    threads = [threading.Thread(target=work) for work in (create, delete) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    finished = observer.done.wait(seconds + DRAIN)
    took = time.monotonic() - start
    observer.done.set()
    for thread in threads:
        thread.join()
    ran = len(observer.seen["running"])
    if failures or observer.error or not finished:
        raise RuntimeError(f"churn: {ran} of {total} pods ran; {failures[:1] or observer.error}")
    return {
        "churn_rate": rate,
        "churn_pods_per_s": round(total / took, 1),
        "churn_deleted": len(deleted),
        **{f"churn_{name}": value for name, value in observer.latencies().items()},
    }


def _ask(connection: Any, method: str, path: str, body: Any, failures: list[str]) -> None:
    try:
        response = send(connection, method, path, body)
        data = response.read()
        if response.status >= 400:
            failures.append(str(json.loads(data).get("message")))
    except (OSError, HTTPException, ValueError) as error:
        failures.append(f"{method} {path}: {error}")


def pod(name: str) -> dict[str, Any]:
    """A pod that asks for next to nothing and goes at once."""
    container = {
        "name": "c",
        "image": "example/storm:1",
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
