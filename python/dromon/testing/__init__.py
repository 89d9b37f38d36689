"""For tests, ours and those of authors of controllers: an apiserver inside the test, a clock, namespaces.

Neighbours: it wires any component; nothing but tests imports it.
"""
