"""sqlprov beside what a user writes today and beside the least that must be done: `python -m benchmarks`."""
