-- A shadow test from creation to deletion. Run it with: sqlprov exec --local -f examples/writes/shadow_test.sql
-- The outcome of each written row goes to stderr. `--dry-run` shows the calls instead of making them.
SET sqlprov_await = on;

-- Copy an existing test; columns that the service fills in, such as the status, are left out.
INSERT INTO aws.sagemaker.inference_experiments
SELECT * REPLACE (
    'fraud-xgboost-18' AS name,
    {StartTime: '2035-01-01T00:00:00Z', EndTime: '2035-01-08T00:00:00Z'} AS schedule,
    MAP {'team': 'payments', 'stage': 'trial'} AS tags)
FROM aws.sagemaker.inference_experiments
WHERE name = 'fraud-xgboost-17' AND region = 'us-east-1'
RETURNING name, status, arn;

-- Which calls would this make?
EXPLAIN UPDATE aws.sagemaker.inference_experiments SET description = 'A tenth of the traffic.', desired_state = 'Running'
WHERE name = 'fraud-xgboost-18' AND region = 'us-east-1';

-- Change a part of the test and its tags, and start it.
UPDATE aws.sagemaker.inference_experiments
SET data__PatchDocument = '[
    {"op": "replace", "path": "/ShadowModeConfig/ShadowModelVariants/0/SamplingPercentage", "value": 10},
    {"op": "replace", "path": "/Tags", "value": [{"Key": "team", "Value": "payments"}, {"Key": "stage", "Value": "live"}]},
    {"op": "replace", "path": "/DesiredState", "value": "Running"}]'
WHERE data__Identifier = 'fraud-xgboost-18' AND region = 'us-east-1'
RETURNING status, shadow_mode_config.ShadowModelVariants[1].SamplingPercentage AS percentage, tags;

-- Stop the test; UPDATE … SET desired_state = 'Completed' does the same and keeps every variant.
EXEC aws.sagemaker.inference_experiments.stop
    @Name = 'fraud-xgboost-18', @region = 'us-east-1', @Reason = 'No better than before.',
    @ModelVariantActions = '{"production": "Retain", "shadow": "Remove"}', @DesiredState = 'Cancelled';
SELECT status, status_reason FROM aws.sagemaker.inference_experiments
WHERE name = 'fraud-xgboost-18' AND region = 'us-east-1';

DELETE FROM aws.sagemaker.inference_experiments
WHERE name = 'fraud-xgboost-18' AND region = 'us-east-1'
RETURNING name, status;

SELECT key, status, operations FROM sqlprov.outcomes;
