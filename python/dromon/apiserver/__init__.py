"""The apiserver: one HTTPS door to the store, for clients and for every other component alike.

A request goes: server (wiring) -> handler (authenticate, route, authorize, errors) -> verbs (HTTP to
objects) -> registry (defaults, admission, validation, optimistic concurrency) -> store.cache.

Neighbours: store below; client, kubectl and every other component reach it over HTTPS alone.
"""
