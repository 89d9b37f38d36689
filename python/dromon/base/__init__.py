"""What every component stands on, without knowledge of the API: loop, tasks, time, log, HTTP, keys.

Neighbours: all packages stand on it; it imports none of them.
"""
