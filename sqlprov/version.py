"""The version, where every station may read it; pyproject.toml and the changelog say the same."""

VERSION = "0.1.0"
