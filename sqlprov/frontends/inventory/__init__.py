"""Copies whole tables of an account into Parquet files, so that an interrupted run resumes where it stopped."""
