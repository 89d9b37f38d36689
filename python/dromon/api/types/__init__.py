"""Structs of the v1 API, one module a family; dromon.api.kinds says what is served and by which rules."""
