"""A snapshot of every model and endpoint in three regions, in a DuckDB file and a Parquet file.

Run it with `.venv/bin/python examples/snapshot.py`. Queries of the snapshot make no calls.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlprov
from sqlprov.output import write

REGIONS = ["us-east-1", "eu-west-1", "us-west-2"]

with TemporaryDirectory() as folder:
    database, parquet = Path(folder, "inventory.duckdb"), Path(folder, "endpoints.parquet")

    with sqlprov.connect(str(database), local=True, region=REGIONS) as live:
        for table in ("models", "endpoints"):
            created = live.sql(f"CREATE TABLE {table} AS SELECT * FROM aws.sagemaker.{table}")
            print(f"{table}: {created.rowcount} rows, {len(created.calls)} calls")
        live.sql(f"COPY (SELECT region, endpoint_name, creation_time, tag_map FROM endpoints) TO '{parquet}'")

    with sqlprov.connect(str(database), local=True, read_only=True) as later:
        teams = later.sql(
            """
            SELECT tag_map['team'] AS team,
                   count(*) AS endpoints,
                   min(creation_time)::DATE AS oldest
            FROM read_parquet($file)
            GROUP BY team ORDER BY endpoints DESC, team
            """,
            {"file": str(parquet)},
        )
        print()
        write(teams, "table", sys.stdout.buffer)
        print(f"\n{len(teams.calls)} calls")
