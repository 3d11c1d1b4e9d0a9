"""Completion of SQL, for the shell and for notebooks."""
