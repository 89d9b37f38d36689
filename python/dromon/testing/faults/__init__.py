"""What fault tests share: recordings of what clients saw, and the checker that judges them.

Neighbours: tests/faults breaks things while clients from here write, read and watch.
"""
