"""Writes rows, and waits for them."""
