"""The API as pure data: types, kinds with their rules, selectors, patches, wire forms; no I/O.

Neighbours: every package above uses it; it stands on base alone.
"""
