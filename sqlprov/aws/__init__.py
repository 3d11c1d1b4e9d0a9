"""Calls in, record batches out: clients, retries, faults, pages. The only folder that talks to a network."""
