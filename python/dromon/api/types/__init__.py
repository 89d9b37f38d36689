"""Structs of the v1 API, one module a family; dromon.api.kinds says what is served and by which rules.

Neighbours: codec and protobuf read and write them; kinds declare which are served.
"""
