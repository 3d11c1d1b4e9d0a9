"""Holds the version, where every layer can import it; pyproject.toml and the changelog repeat it."""

VERSION = "0.1.0"
