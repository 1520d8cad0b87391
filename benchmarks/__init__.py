"""Benchmarks: side by side, in one run, each contender in its own process."""
