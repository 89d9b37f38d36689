"""dromon: a container orchestrator; ARCHITECTURE.md says which package does what."""
