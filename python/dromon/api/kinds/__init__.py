"""The kinds that are served: one module each, one line each here.

Neighbours: dromon.api.scheme looks them up; each module declares a dromon.api.resource.Resource.
"""
