"""A server that speaks PostgreSQL's wire protocol."""
