"""A DuckDB session with live tables, which request only the rows and columns that a statement needs."""
