from seeded import catalog, connect, seeded, shared_cloud

__all__ = ["catalog", "connect", "seeded", "shared_cloud"]
