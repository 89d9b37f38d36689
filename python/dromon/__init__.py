"""dromon: a container orchestrator; ARCHITECTURE.md says which package does what.

Neighbours: cli and testing > the components > client and store > api > base; _core is the Rust extension.
"""
