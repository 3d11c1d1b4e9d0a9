"""Drafts the lines of the catalog from botocore's models; a developer's tool: `python -m resources.generate`."""
