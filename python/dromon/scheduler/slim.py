"""What the scheduler keeps of the pods that it watches: what decisions read, and specs shared among equals.

The pods of a controller have the same spec but for its node. Kept once, and without what kubelets report,
ten thousand pods take a fraction of the memory.

Neighbours: main gives it to the informer of pods; model, conditions and preempt read what is left.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.pod_status import PodStatus

REMEMBERED = 1024
"""Specs that are shared; the one that was longest not met goes first."""

READ = frozenset({"PodScheduled", "DisruptionTarget"})
"""Conditions that the scheduler looks at."""

_encode = msgspec.json.Encoder().encode
_replace = msgspec.structs.replace


class Slim:
    """A function from a pod to what is kept of it; the pod's parts may be other pods', too."""

    def __init__(self) -> None:
        self._specs: OrderedDict[bytes, PodSpec] = OrderedDict()

    def __call__(self, pod: Pod) -> Pod:
        status = pod.status
        pod.status = PodStatus(
            phase=status.phase,
            nominated_node_name=status.nominated_node_name,
            start_time=status.start_time,
            conditions=[c for c in status.conditions if c.type in READ],
        )
        node = pod.spec.node_name
        spec = self._shared(pod.spec)
        pod.spec = spec if not node else _replace(spec, node_name=node)
        return pod

    def _shared(self, spec: PodSpec) -> PodSpec:
        """The first spec that equals this one but for the node."""
        spec.node_name = ""
        key = _encode(spec)
        known = self._specs.get(key)
        if known is None:
            known = self._specs[key] = spec
            if len(self._specs) > REMEMBERED:
                self._specs.popitem(last=False)
        else:
            self._specs.move_to_end(key)
        return known
