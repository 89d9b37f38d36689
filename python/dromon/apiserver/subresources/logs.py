"""pods/<name>/log: the kubelet's answer, streamed through.

Neighbours: dromon.apiserver.kubelets connects; the kubelet serves GET /containerLogs/<ns>/<pod>/<container>.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from dromon.api import errors
from dromon.api.errors import FieldError
from dromon.apiserver.call import Call
from dromon.apiserver.subresources import upstream
from dromon.apiserver.subresources.pods import container_of, node_of, pod_of
from dromon.base.http.messages import Reply, Response, Stream, StreamResponse

PARAMETERS = ("follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes")
TEXT = "text/plain"


async def get(call: Call) -> Reply:
    """GET .../log."""
    pod = await pod_of(call)
    container = container_of(pod, call.param("container"))
    _validate(call)
    if not pod.spec.node_name:
        return Response(200, b"", TEXT)  # nothing has run yet, so there is nothing to show
    node = node_of(call, pod)
    asked = [(p, call.param(p)) for p in PARAMETERS if call.param(p)]
    path = "/".join(quote(p, safe="") for p in (pod.metadata.namespace, pod.metadata.name, container))
    target = f"/containerLogs/{path}" + (f"?{urlencode(asked)}" if asked else "")
    source = await upstream.stream(call, node, target)
    if call.request.method == "HEAD":
        await source.aclose()
        return Response(200, b"", TEXT)

    async def produce(stream: Stream) -> None:
        try:
            async for chunk in source:
                stream.write(chunk)
                await stream.drain()
        finally:
            await source.aclose()

    return StreamResponse(produce, 200, TEXT)


def _validate(call: Call) -> None:
    faults: list[FieldError] = []
    for name, least in (("tailLines", 0), ("sinceSeconds", 1), ("limitBytes", 1)):
        value = call.integer(name)
        if value is not None and value < least:
            text = "must be greater than 0" if least else "must be greater than or equal to 0"
            faults.append(errors.invalid_value(name, value, text))
    if call.param("sinceSeconds") and call.param("sinceTime"):
        text = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        faults.append(errors.forbidden_field("", text))
    if faults:
        raise errors.invalid("PodLogOptions", "", call.route.name, faults)
