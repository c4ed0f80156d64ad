"""Benchmarks: performance and quality beside references measured in the same run."""
