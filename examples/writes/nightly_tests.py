"""A shadow test for each model in a table, from creation to deletion: INSERT, UPDATE, DELETE and their outcomes.

Run it with `.venv/bin/python examples/writes/nightly_tests.py`. For your AWS account, remove `local=True`.
"""

import sys

import sqlprov
from sqlprov.output import write

CANDIDATES = """
    CREATE TEMP TABLE candidates AS
    FROM (VALUES ('churn', 'churn-v1'), ('search', 'search-v2'), ('fraud', 'fraud lightgbm')) AS t (test, model)
"""
# One row for each candidate; parameters hold the structures that all rows share.
CREATE = """
    INSERT INTO aws.sagemaker.inference_experiments (
        name, type, role_arn, endpoint_name, model_variants, shadow_mode_config, schedule, tags, region)
    SELECT
        'nightly-' || test, 'ShadowMode', 'arn:aws:iam::123456789012:role/shadow-tests', test,
        [{ModelName: 'current', VariantName: 'production', InfrastructureConfig: $machine},
         {ModelName: model, VariantName: 'shadow', InfrastructureConfig: $machine}],
        $shadow, $schedule, MAP {'run': 'nightly'}, 'us-east-1'
    FROM candidates
    RETURNING name, status
"""
PARAMETERS = {
    "machine": {
        "InfrastructureType": "RealTimeInference",
        "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    },
    "shadow": {
        "SourceModelVariantName": "production",
        "ShadowModelVariants": [{"ShadowModelVariantName": "shadow", "SamplingPercentage": 25}],
    },
    "schedule": {"StartTime": "2035-01-01T02:00:00Z", "EndTime": "2035-01-01T04:00:00Z"},
}
NIGHTLY = "WHERE region = 'us-east-1' AND name LIKE 'nightly-%'"


def show(result: sqlprov.Result) -> None:
    if result.has_rows:
        write(result, "table", sys.stdout.buffer)
        sys.stdout.flush()
    for outcome in sorted(result.outcomes, key=lambda outcome: outcome.key):
        print(f"  {outcome.key}: {outcome.status.value}, {' then '.join(outcome.operations) or 'no call'}")


with sqlprov.connect(local=True, settings={"await": "on"}) as connection:
    connection.sql(CANDIDATES)
    try:
        connection.sql(CREATE, PARAMETERS)
    except sqlprov.DataError as error:  # one row is invalid, so nothing was written
        print(error)
    connection.sql("UPDATE candidates SET model = replace(model, ' ', '-')")
    print("create")
    show(connection.sql(CREATE, PARAMETERS))

    print("create again")
    try:
        connection.sql(CREATE, PARAMETERS)
    except sqlprov.WriteError as error:  # it has the outcome of every row
        for outcome in error.outcomes:
            print(f"  {outcome.key}: {outcome.status.value}, {outcome.reason}")

    print("start two of them")
    show(
        connection.sql(f"""
            UPDATE aws.sagemaker.inference_experiments AS t
            SET desired_state = 'Running', description = 'Model ' || c.model
            FROM candidates AS c
            {NIGHTLY} AND t.name = 'nightly-' || c.test AND c.test <> 'fraud'
        """)
    )

    print("delete them all; those that are running are stopped first")
    show(connection.sql(f"DELETE FROM aws.sagemaker.inference_experiments {NIGHTLY}"))
