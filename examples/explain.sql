-- Which calls each query would make. Run it with: sqlprov exec --local -f examples/explain.sql
-- EXPLAIN makes no call; DuckDB's own plan stands below the calls.

-- Only columns of the list: one call a page.
EXPLAIN SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- A column of the describe call, a filter that the API has, two regions.
EXPLAIN SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments
WHERE region IN ('us-east-1', 'us-west-2') AND status = 'Running';

-- The key is given: no list.
EXPLAIN SELECT status FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1' AND name = 'support-triage';

-- No experiment can have this status: no call.
EXPLAIN SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status = 'running';
