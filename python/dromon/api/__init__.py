"""The API as pure data: types, kinds with their rules, selectors, patches, wire forms; no I/O."""
