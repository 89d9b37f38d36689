"""Volumes of pods: one module a type, one table of them."""
