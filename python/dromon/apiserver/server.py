"""The apiserver put together: store, cache, registry, routes, TLS, in the order in which they start and stop.

Neighbours: dromon.apiserver.main runs it; dromon.testing.apiserver runs it inside a test.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from random import Random, SystemRandom

from dromon.api import codec, errors
from dromon.api.errors import ApiError
from dromon.api.kinds import RESOURCES
from dromon.api.types.service import Service
from dromon.apiserver import bootstrap, reply
from dromon.apiserver.authn import Authenticator, Certificates, Chain, Tokens
from dromon.apiserver.authz import AuthenticatedOnly, Authorizer, is_public
from dromon.apiserver.call import Services
from dromon.apiserver.chain import default_chain
from dromon.apiserver.config import ApiServerConfig
from dromon.apiserver.documents import Documents
from dromon.apiserver.handler import Handler
from dromon.apiserver.health import Health
from dromon.apiserver.ipalloc import ServiceAllocator
from dromon.apiserver.iprepair import Repair
from dromon.apiserver.kubelets import Kubelets
from dromon.apiserver.masterleases import MasterLeases
from dromon.apiserver.operations import Operations
from dromon.apiserver.rbac.authorizer import RoleBased
from dromon.apiserver.registry import Registry
from dromon.apiserver.routes import Router
from dromon.apiserver.snapshot import Snapshots
from dromon.base.clock import Clock
from dromon.base.http.messages import Reply, Request, Response
from dromon.base.http.server import HttpServer
from dromon.base.tasks import TaskSet
from dromon.store.cache import Bounds, CachedStore, Format
from dromon.store.history import Limits
from dromon.store.interface import StoreError
from dromon.store.open import open_store

log = logging.getLogger(__name__)

_GRACE = 2.0
"""Seconds that requests under way have to end when the server stops."""


def _cached_store(config: ApiServerConfig, clock: Clock) -> CachedStore:
    return CachedStore(
        open_store(config.store_url, clock, Limits(age=config.history_age, size=config.history_size << 20)),
        RESOURCES,
        {Format.MSGPACK: codec.json_to_msgpack, Format.PROTOBUF: codec.json_to_protobuf},
        clock,
        Bounds(
            ring_events=config.watch_history_events,
            ring_size=config.watch_history_size << 20,
            queue_events=config.watch_queue_events,
            queue_size=config.watch_queue_size << 20,
        ),
    )


class ApiServer:
    """One apiserver.

    Args:
        config: addresses, files, ranges.
        clock: stamps and waits.
        random: names, uids, addresses; seeded in tests.

    Raises:
        ValueError, OSError: a malformed range, a file that can't be read.
    """

    def __init__(self, config: ApiServerConfig, *, clock: Clock, random: Random | None = None) -> None:
        self.config = config
        random = random or SystemRandom()
        self.store = _cached_store(config, clock)
        backend = self.store.backend
        allocator = ServiceAllocator(backend, config.service_cidr, config.node_port_range, random)
        self._repair = Repair(backend, allocator, clock)
        self.registry = Registry(
            self.store,
            clock=clock,
            admission=default_chain(self.store),
            hooks={Service: allocator},
            random=random,
        )
        self._kubelets = Kubelets(
            config.kubelet_client_cert_file, config.kubelet_client_key_file, config.ca_file
        )
        self._leases: MasterLeases | None = None
        self._ready = False
        self._clock = clock
        self._tasks = TaskSet(clock)
        authenticators: list[Authenticator] = [Certificates()]
        if config.token_file:
            authenticators.append(Tokens(config.token_file))
        self._stopping = False
        self.operations = Operations(config, self.store, lambda: self._http, clock)
        self._authorizer: Authorizer = (
            RoleBased(self.store) if config.authorization_mode == "RBAC" else AuthenticatedOnly()
        )
        services = Services(
            self.store,
            self.registry,
            clock,
            random,
            self._kubelets,
            self._authorizer,
            Chain(authenticators).token_user,
            config.bulk,
        )
        self._handler = Handler(
            services,
            Router(RESOURCES),
            self._health(),
            authenticators,
            self._authorizer,
            Documents(RESOURCES, self._address).answer,
            Snapshots(self.store, config.store_url, clock),
            self.operations,
        )
        self._http = HttpServer(
            self._handle,
            host=config.bind,
            port=config.port,
            ssl_context=tls_context(config),
            refuse=refuse,
            max_connections=config.max_connections,
        )

    def _health(self) -> Health:
        return Health(
            live={"ping": lambda: None, "etcd": self.store.check},
            ready={
                "etcd-readiness": self.store.backend.check,
                "informer-sync": lambda: None if self.store.revision else "the cache is empty",
                "poststarthook/bootstrap": lambda: None if self._ready else "not finished",
                "shutdown": lambda: "the apiserver is stopping" if self._stopping else None,
            },
        )

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        return self._http.port

    def _address(self) -> str:
        host = self.config.advertise_address or self.config.bind
        return f"{host}:{self.port}"

    async def start(self) -> None:
        """Open the store, listen, create what every cluster has."""
        await self.store.start()
        await self._repair.once()
        await self._http.start()
        address, port = self.config.advertise_address, self.port
        leases = self._leases = MasterLeases(self.registry, self.store.backend, address, port)
        await bootstrap.create_objects(self.registry, leases, port)
        self._tasks.start(
            "bootstrap",
            lambda: bootstrap.keep_objects(self.registry, leases, self._clock, port),
            restart=True,
        )
        self._tasks.start("authorization", self._authorizer.follow, restart=True)
        self._tasks.start("service-ranges", self._repair.run, restart=True)
        self._ready = True
        log.info("serving address=%s:%d store=%s", self.config.bind, self.port, self.config.store_url)

    async def close(self) -> None:
        """Fail readyz, serve on for the delay configured, stop listening, let requests end, close all."""
        self._stopping = True
        if self._ready and self.config.shutdown_delay_duration:
            await self._clock.sleep(self.config.shutdown_delay_duration)
        await self._tasks.close()
        await self._withdraw()
        await self._http.close(_GRACE)
        await self._kubelets.close()
        await self.store.close()
        await self.operations.close()

    async def _withdraw(self) -> None:
        """Let clients in pods go to other API servers."""
        if self._leases is None:
            return
        try:
            async with asyncio.timeout(_GRACE):
                await self._leases.withdraw()
        except (ApiError, StoreError, TimeoutError) as e:
            log.warning("can't withdraw from the kubernetes service error=%s", e)

    async def _handle(self, request: Request) -> Reply:
        if not self._ready and not is_public(request.path):
            return reply.refusal(errors.unavailable("the apiserver is starting or stopping"))
        return await self._handler(request)


def tls_context(config: ApiServerConfig) -> ssl.SSLContext | None:
    """TLS as configured: own certificate, client certificates asked for where a CA for them is named."""
    if not config.cert_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.cert_file, config.key_file)
    context.set_alpn_protocols(["http/1.1"])
    # No client of the API resumes sessions, and tickets are a quarter of what a handshake costs.
    context.num_tickets = 0
    if config.client_ca_file:
        context.load_verify_locations(config.client_ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


_REASONS = {
    400: "BadRequest",
    408: "Timeout",
    413: "RequestEntityTooLarge",
    431: "RequestHeaderFieldsTooLarge",
    500: "InternalError",
    503: "ServiceUnavailable",
}


def refuse(status: int, message: str) -> Response:
    """The Status for a request that is too broken to reach a handler (base.http calls it)."""
    if status == 429:
        return reply.refusal(errors.too_many_requests(message))
    return reply.refusal(errors.make(status, _REASONS.get(status, "Unknown"), message))
