-- name: a snapshot of listed columns
-- calls: ListInferenceExperiments us-east-1
-- then: SELECT name FROM snap WHERE status = 'Running'
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
CREATE OR REPLACE TABLE snap AS SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: a snapshot keeps structures
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "demand-forecast"}
--        ListTags us-west-2 each row x 1
-- then: SELECT endpoint_metadata.EndpointName, model_variants[2].VariantName, tags[1].Value FROM snap
-- rows: ["forecast", "shadow", "prod"]
CREATE OR REPLACE TABLE snap AS SELECT * FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND name = 'demand-forecast';

-- name: a snapshot is read without a call
-- setup: CREATE OR REPLACE TABLE snap AS SELECT name, region FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1'
-- calls: none
-- rows: ["eu-west-1", 3]
SELECT region, count(*) FROM snap GROUP BY region;

-- name: a snapshot is compared with the live table
-- setup: CREATE OR REPLACE TABLE snap AS SELECT name, 'Created' AS status FROM aws.sagemaker.inference_experiments
--        WHERE region = 'eu-west-1'
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["search-relevance", "Completed"], ["support-triage", "Stopping"], ["gdpr-redaction", "Updating"]
SELECT live.name, live.status FROM aws.sagemaker.inference_experiments live JOIN snap USING (name)
WHERE live.region = 'eu-west-1' AND live.status <> snap.status;

-- name: live rows are inserted into a local table
-- setup: CREATE OR REPLACE TABLE log (name VARCHAR, moment TIMESTAMPTZ)
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
-- then: SELECT DISTINCT name, moment FROM log
-- rows: ["search-relevance", "2025-05-26T08:30:00.125Z"], ["fraud-xgboost-17", "2025-05-28T13:05:44.902Z"]
INSERT INTO log SELECT name, creation_time FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status = 'Running';

-- name: a local table is updated from live rows
-- setup: CREATE OR REPLACE TABLE log AS SELECT 'image-moderation' AS name, 'unknown' AS status
-- calls: ListInferenceExperiments us-west-2
-- then: SELECT name, status FROM log
-- rows: ["image-moderation", "Running"]
UPDATE log SET status = live.status FROM aws.sagemaker.inference_experiments live
WHERE live.region = 'us-west-2' AND live.name = log.name;

-- name: a local table loses rows that are not live
-- setup: CREATE OR REPLACE TABLE log AS FROM (VALUES ('image-moderation'), ('never-built')) t(name)
-- calls: ListInferenceExperiments us-west-2
-- then: SELECT name FROM log
-- rows: ["image-moderation"]
DELETE FROM log WHERE name NOT IN (SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2');

-- name: rows are copied to a Parquet file
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Created"}
-- then: SELECT name, schedule.StartTime FROM '{files}/x.parquet'
-- rows: ["pricing-elasticity", "2035-01-08T06:00:00Z"]
COPY (SELECT name, schedule FROM aws.sagemaker.inference_experiments
      WHERE region = 'us-east-1' AND status = 'Created') TO '{files}/x.parquet';

-- name: rows are copied to a CSV file
-- calls: ListEndpoints us-west-2
-- then: SELECT endpoint_name, endpoint_status FROM '{files}/x.csv'
-- rows: ["search", "Updating"], ["moderation", "InService"], ["forecast", "InService"]
COPY (SELECT endpoint_name, endpoint_status FROM aws.sagemaker.endpoints WHERE region = 'us-west-2') TO '{files}/x.csv';
