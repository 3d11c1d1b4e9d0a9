"""Copies whole tables of an account into Parquet files, so that an interrupted run goes on where it stopped."""
