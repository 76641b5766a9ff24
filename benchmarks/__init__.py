"""Measured claims: `python -m benchmarks` prints every speed figure as a ratio against a peer in the same run."""
