"""Subresources beyond status, each a module: what a verb on <resource>/<subresource> does.

A resource declares the names it has; this table says who serves them. `status` is served by reads and writes
as the object itself.

Neighbours: dromon.apiserver.handler looks verbs up here.
"""

from __future__ import annotations

from collections.abc import Mapping

from dromon.apiserver.call import Verb
from dromon.apiserver.subresources import binding, eviction, finalize, logs, scale, streaming

TABLE: Mapping[str, Mapping[str, Verb]] = {
    "binding": {"create": binding.create},
    "eviction": {"create": eviction.create},
    "finalize": {"update": finalize.update},
    "log": {"get": logs.get},
    "scale": {"get": scale.get, "update": scale.update, "patch": scale.patch},
    "exec": {"get": streaming.exec_, "create": streaming.exec_},
    "attach": {"get": streaming.attach, "create": streaming.attach},
    "portforward": {"get": streaming.port_forward, "create": streaming.port_forward},
}
"""Subresource -> verb -> handler."""
