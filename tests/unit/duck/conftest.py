from seeded import catalog, connect, kept, seeded

__all__ = ["catalog", "connect", "kept", "seeded"]
