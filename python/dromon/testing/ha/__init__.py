"""A cluster with more than one of everything, each on a machine of its own: a network namespace.

`deploy/ha/*` are its commands; `scenario` takes each part away in turn and checks what the others do.

Neighbours: the real commands of cli and Debian's etcd are what runs; tests/e2e/test_ha.py runs it in short.
"""
