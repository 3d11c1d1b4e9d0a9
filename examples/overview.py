"""Every shadow test in three regions, with its endpoint: one query on the local AWS.

Run it with `make run`. For your AWS account, remove `local=True`; the SQL stays the same.
"""

import sys

import sqlprov
from sqlprov.output import write

SHADOW_TESTS = """
    SELECT
        e.region,
        e.name,
        e.status,
        e.endpoint_name          AS endpoint,
        p.endpoint_status,                                -- from another table, with another API call
        e.schedule.EndTime::DATE AS ends                  -- nested values keep AWS's names
    FROM aws.sagemaker.inference_experiments AS e
    LEFT JOIN aws.sagemaker.endpoints AS p
        ON  e.endpoint_name = p.endpoint_name
        AND e.region = p.region                           -- a name is unique within a region
    WHERE e.region IN ('us-east-1', 'us-west-2', 'eu-west-1')
    ORDER BY e.region, e.name
"""

with sqlprov.connect(local=True) as connection:
    shadow_tests = connection.sql(SHADOW_TESTS)
    write(shadow_tests, "table", sys.stdout.buffer)
    calls = shadow_tests.calls
    print(f"\n{len(calls)} calls: " + ", ".join(sorted({call.operation for call in calls})))
