"""Resource files and botocore's models as typed tables."""

from .catalog import Catalog

__all__ = ["Catalog"]
