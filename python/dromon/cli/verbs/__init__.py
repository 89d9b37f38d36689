"""The everyday verbs for people without kubectl: get, describe, create, apply, delete, scale, label, logs.

They use only the public API by the standard library's HTTP client, and learn the kinds from discovery, so
that they start fast and work against any API server.

Neighbours: dromon.cli.main registers one command a module; session is the connection they share.
"""
