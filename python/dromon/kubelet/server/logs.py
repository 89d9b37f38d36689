"""Container logs over HTTP: follow, tail, since, timestamps, previous, limitBytes.

Source: core/v1 PodLogOptions; error texts as upstream's kubelet gives them.

Neighbours: app routes here, runtime reads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from dromon.api import errors, times
from dromon.base.http.messages import Reply, Request, Response, Stream, StreamResponse
from dromon.kubelet.runtime.interface import Container, LogOptions, Runtime, RuntimeFailure, State
from dromon.kubelet.worker import PodWorker

TEXT = "text/plain"


async def container_logs(request: Request, worker: PodWorker, container: str, runtime: Runtime) -> Reply:
    """GET /containerLogs/<namespace>/<pod>/<container>."""
    options = log_options(request, worker.now())
    run = chosen_run(worker, container, previous=_flag(request, "previous"))
    chunks = runtime.logs(run.id, options)
    try:
        first = await anext(chunks, b"")
    except RuntimeFailure as error:
        raise errors.bad_request(
            f"unable to retrieve container logs for {runtime.scheme}://{run.id}: {error}"
        ) from None
    if not options.follow and len(first) == 0:
        return Response(200, b"", TEXT)

    async def produce(stream: Stream) -> None:
        stream.write(first)
        await stream.drain()
        await _copy(chunks, stream)

    return StreamResponse(produce, 200, TEXT)


async def _copy(chunks: AsyncIterator[bytes], stream: Stream) -> None:
    try:
        async for chunk in chunks:
            stream.write(chunk)
            await stream.drain()
    except RuntimeFailure as error:
        stream.write(f"{error}\n".encode())


def chosen_run(worker: PodWorker, container: str, *, previous: bool) -> Container:
    """The run whose log is meant.

    Raises:
        ApiError: 400 when there is none.
    """
    name = worker.pod.metadata.name
    runs = [r for r in worker.runs(container) if r.state is not State.CREATED and not r.lost]
    if previous:
        # While a container waits for its restart, its last run is the previous one, as its lastState says.
        waiting = any(s.name == container and s.state.waiting for s in worker.reported.container_statuses)
        candidates = runs if waiting else runs[1:]
        if not candidates:
            raise errors.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return candidates[0]
    if not runs:
        statuses = (*worker.reported.init_container_statuses, *worker.reported.container_statuses)
        state = next((s.state.waiting for s in statuses if s.name == container), None)
        why = f"waiting to start: {state.reason}" if state else "not available"
        raise errors.bad_request(f'container "{container}" in pod "{name}" is {why}')
    return runs[0]


def log_options(request: Request, now: float) -> LogOptions:
    """The query's options.

    Raises:
        ApiError: 400 for a value that can't be read.
    """
    since = None
    seconds = _number(request, "sinceSeconds")
    if seconds is not None:
        since = now - seconds
    moment = _text(request, "sinceTime")
    if moment:
        try:
            since = times.parse(moment)
        except ValueError as error:
            raise errors.bad_request(f"sinceTime: {error}") from None
    return LogOptions(
        follow=_flag(request, "follow"),
        tail=_number(request, "tailLines"),
        since=since,
        timestamps=_flag(request, "timestamps"),
        limit_bytes=_number(request, "limitBytes"),
    )


def _text(request: Request, name: str) -> str:
    return request.params.get(name, [""])[0]


def _flag(request: Request, name: str) -> bool:
    return _text(request, name).lower() in ("true", "1")


def _number(request: Request, name: str) -> int | None:
    text = _text(request, name)
    if not text:
        return None
    if not text.isdigit():
        raise errors.bad_request(f"{name}: {text!r} is not a whole number")
    return int(text)
