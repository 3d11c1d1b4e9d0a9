"""Compares sqlprov with what users write today and with the minimum possible: `python -m benchmarks`."""
