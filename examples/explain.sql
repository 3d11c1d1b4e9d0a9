-- The calls that each query would make. Run it with: sqlprov exec --local -f examples/explain.sql
-- EXPLAIN makes no calls; DuckDB's own plan is below the calls.

-- Only columns of the list call: one call per page.
EXPLAIN SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- A column of the describe call, a filter of the API, two regions.
EXPLAIN SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments
WHERE region IN ('us-east-1', 'us-west-2') AND status = 'Running';

-- The key is known: no list call.
EXPLAIN SELECT status FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1' AND name = 'support-triage';

-- No experiment can have this status: no calls.
EXPLAIN SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status = 'running';
