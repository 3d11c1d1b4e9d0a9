"""PostgreSQL's system catalogs over the tables of sqlprov and DuckDB."""
