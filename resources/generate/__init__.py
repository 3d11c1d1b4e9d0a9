"""Drafts the lines of the catalogue from botocore's models; a developer's tool: `python -m resources.generate`."""
