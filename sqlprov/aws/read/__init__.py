"""Reads a table: pages, look-ups and per-row calls."""
