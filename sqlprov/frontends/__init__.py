"""The front ends: the command line, the shell, notebooks, templates and SQLAlchemy."""
