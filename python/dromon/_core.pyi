"""Types of the Rust extension (rust/src/py). Checked against the binary by tests/parity."""

__version__: str
