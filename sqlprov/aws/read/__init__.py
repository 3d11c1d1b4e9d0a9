"""Reads a table: pages, lookups and per-row calls."""
