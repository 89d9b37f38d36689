"""The three kinds of patch, as pure functions on decoded JSON; what they are given is never changed.

`merge.apply` is RFC 7386, `jsonpatch.apply` RFC 6902, `strategic.apply` the API's own, which merges
lists by key. A patch that can't be understood is an ApiError 400, one that doesn't fit the document 422.

Neighbours: apiserver (PATCH), cli and client (they make patches).
"""
