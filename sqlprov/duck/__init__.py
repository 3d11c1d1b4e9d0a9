"""The answer: a DuckDB session whose live tables ask for what a statement needs, and its results."""
