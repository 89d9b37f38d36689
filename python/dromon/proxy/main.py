"""The proxy process: watches services and endpoint slices, and keeps their portals in iptables.

"kube-proxy watches the service constituency, updates when backends change" (talk, slide 35). A start adopts
what the kernel has: nothing is written before the API's state is known, and then only what differs.

Neighbours: the command line runs it; model, rules and iptables do the work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from dromon.api.kinds import ENDPOINT_SLICES, SERVICES
from dromon.api.types.discovery import EndpointSlice
from dromon.api.types.service import Service
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock, SystemClock
from dromon.base.iptables import Chain, IptablesError, instance
from dromon.client.informer import Informer
from dromon.client.rest import Client
from dromon.proxy import model, rules
from dromon.proxy.config import ProxyConfig
from dromon.proxy.iptables import Executor

log = logging.getLogger(__name__)

RESYNC_SHARE = 100
"""A comparison of all chains takes at most one part in so many of the time."""


async def run(
    config: ProxyConfig, *, clock: Clock | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Keep portals until cancelled; they stay when it ends (`cleanup` removes them).

    Args:
        config: see ProxyConfig.
        clock: the system's unless a test gives its own.
        ready: called once every portal is in the kernel.

    Raises:
        IptablesError: iptables can't be used here.
    """
    client = Client.from_kubeconfig(config.kubeconfig, user_agent="dromon-proxy")
    try:
        await serve(config, client, clock or SystemClock(), ready)
    finally:
        await client.close()


async def serve(
    config: ProxyConfig, client: Client, clock: Clock, ready: Callable[[], None] | None = None
) -> None:
    """As `run`, over a client that stays the caller's."""
    services = Informer(client, SERVICES, clock=clock)
    slices = Informer(
        client, ENDPOINT_SLICES, indexes={"service": lambda piece: (model.service_of(piece),)}, clock=clock
    )
    own = rules.prefix(instance(config.state_dir))
    executor = Executor(own)
    with ThreadPoolExecutor(1, thread_name_prefix="iptables") as thread:
        loop = asyncio.get_running_loop()
        exact = await loop.run_in_executor(thread, executor.can, rules.CAME_BACK)
        affinity = await loop.run_in_executor(thread, executor.can, rules.REMEMBERED)
        proxy = Proxy(
            config,
            rules.Ruleset(own, config.pod_cidr, exact_hairpin=exact, affinity=affinity),
            executor,
            lambda key: services.get(*_split(key)),
            lambda key: slices.by_index("service", key),
            clock,
            thread,
        )
        services.add_handler(proxy.service_changed)
        slices.add_handler(proxy.slice_changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(services.run())
            group.create_task(slices.run())
            await services.synced()
            await slices.synced()
            await proxy.run(ready)


def _split(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


class Proxy:
    """The loop: collects the services that changed, and writes their portals together.

    Args:
        config: intervals.
        ruleset: what the kernel shall have.
        executor: writes it.
        service, slices: look-ups by "namespace/name".
        clock: for intervals.
        thread: runs what blocks, one thing at a time.
    """

    def __init__(
        self,
        config: ProxyConfig,
        ruleset: rules.Ruleset,
        executor: Executor,
        service: Callable[[str], Service | None],
        slices: Callable[[str], list[EndpointSlice]],
        clock: Clock,
        thread: ThreadPoolExecutor | None = None,
    ) -> None:
        self._config = config
        self._ruleset = ruleset
        self._executor = executor
        self._service = service
        self._slices = slices
        self._clock = clock
        self._thread = thread
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._before: dict[str, tuple[model.Portal, ...]] = {}
        self._dirty: set[Chain] | None = None  # None: compare everything
        self._resync_due = False
        self._resync_took = 0.0

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Handler of the services' informer."""
        for service in (old, new):
            if service is not None:
                self._note(f"{service.metadata.namespace}/{service.metadata.name}")

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Handler of the endpoint slices' informer."""
        for piece in (old, new):
            if piece is not None and (key := model.service_of(piece)):
                self._note(key)

    def _note(self, key: str) -> None:
        self._changed.add(key)
        self._wake.set()

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Write what has changed, for ever; failures are tried again with back-off, everything read anew."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._remind())
            await self._keep_writing(ready)

    async def _keep_writing(self, ready: Callable[[], None] | None) -> None:
        backoff = Backoff(0.2, 10.0)
        while True:
            self._plan()
            try:
                await self._write()
            except IptablesError as error:
                log.error("portals could not be written error=%s", error)
                self._dirty = None
                await self._clock.sleep(backoff.next())
                continue
            backoff.reset()
            await self._forget_flows()
            if ready is not None:
                log.info("portals are in place chains=%d", len(self._ruleset.chains))
                ready()
                ready = None
            await self._clock.sleep(self._config.min_interval)
            await self._wake.wait()

    def _plan(self) -> None:
        """Take up what has changed."""
        self._wake.clear()
        changed, self._changed = self._changed, set()
        for key in changed:
            self._before.setdefault(key, self._ruleset.portals(key))
        dirty = self._ruleset.update(
            {key: model.portals(self._service(key), self._slices(key)) for key in changed}
        )
        if self._dirty is not None:
            self._dirty |= dirty

    async def _write(self) -> None:
        began = self._clock.monotonic()
        if self._resync_due:
            count = await self._blocking(self._executor.resync, self._ruleset.chains)
            self._resync_due = False
            self._resync_took = self._clock.monotonic() - began
            if count and not self._before:
                log.warning("put back chains that others had changed count=%d", count)
        elif self._dirty is None or self._dirty:
            count = await self._blocking(self._executor.sync, self._ruleset.chains, self._dirty)
            log.debug("wrote chains count=%d seconds=%.3f", count, self._clock.monotonic() - began)
        self._dirty = set()

    async def _forget_flows(self) -> None:
        before, self._before = self._before, {}
        stale = model.stale_flows(before, {key: self._ruleset.portals(key) for key in before})
        if stale is not None:
            await self._blocking(self._executor.flush, stale)

    async def _remind(self) -> None:
        while True:
            await self._clock.sleep(max(self._config.resync, RESYNC_SHARE * self._resync_took))
            self._resync_due = True
            self._wake.set()

    async def _blocking(self, act: Callable[..., int | None], *arguments: object) -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, act, *arguments) or 0
