-- name: experiments with their endpoints
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
--        DescribeInferenceExperiment us-east-1 each row x 2
--        DescribeEndpoint us-east-1 {"EndpointName": "search"}
--        DescribeEndpoint us-east-1 {"EndpointName": "payments-fraud"}
-- explain: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
--          DescribeInferenceExperiment us-east-1 each row
--          ListEndpoints us-east-1
-- rows: ["search-relevance", "search", "InService"], ["fraud-xgboost-17", "payments-fraud", "InService"]
SELECT e.name, p.endpoint_name, p.endpoint_status
FROM aws.sagemaker.inference_experiments e
JOIN aws.sagemaker.endpoints p ON p.endpoint_name = e.endpoint_name AND p.region = e.region
WHERE e.region = 'us-east-1' AND e.status = 'Running';

-- name: three tables are joined
-- calls: ListEndpoints us-west-2
--        DescribeEndpoint us-west-2 each row x 3
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "search-config"}
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "moderation-config"}
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "forecast-config"}
--        ListModels us-west-2
-- explain: ListEndpoints us-west-2
--          DescribeEndpoint us-west-2 each row
--          ListEndpointConfigs us-west-2
--          DescribeEndpointConfig us-west-2 each row
--          ListModels us-west-2
-- rows: ["search", "search-v1"], ["moderation", "moderation-v1"], ["forecast", "forecast-v1"]
SELECT p.endpoint_name, m.model_name FROM aws.sagemaker.endpoints p
JOIN aws.sagemaker.endpoint_configs c USING (endpoint_config_name, region)
JOIN aws.sagemaker.models m ON m.model_name = c.production_variants[1].ModelName AND m.region = c.region
WHERE p.region = 'us-west-2';

-- name: a left join keeps rows without a partner
-- calls: ListEndpoints us-east-1
--        ListInferenceExperiments us-east-1 {"StatusEquals": "Cancelled"}
--        DescribeInferenceExperiment us-east-1 each row x 1
-- rows: ["search", null], ["payments-fraud", null], ["churn", "churn-transformer"], ["pricing", null]
SELECT p.endpoint_name, e.name FROM aws.sagemaker.endpoints p
LEFT JOIN aws.sagemaker.inference_experiments e
  ON e.endpoint_name = p.endpoint_name AND e.region = 'us-east-1' AND e.status = 'Cancelled'
WHERE p.region = 'us-east-1';

-- name: a self join lists twice
-- calls: ListInferenceExperiments eu-west-1
--        ListInferenceExperiments eu-west-1
-- rows: ["search-relevance", "support-triage"], ["search-relevance", "gdpr-redaction"],
--       ["support-triage", "gdpr-redaction"]
SELECT a.name, b.name FROM aws.sagemaker.inference_experiments a, aws.sagemaker.inference_experiments b
WHERE a.region = 'eu-west-1' AND b.region = 'eu-west-1' AND a.creation_time < b.creation_time;

-- name: a self join across regions
-- calls: ListInferenceExperiments us-east-1
--        ListInferenceExperiments eu-west-1
-- rows: ["search-relevance", "Running", "Completed"]
SELECT name, a.status, b.status FROM aws.sagemaker.inference_experiments a
JOIN aws.sagemaker.inference_experiments b USING (name) WHERE a.region = 'us-east-1' AND b.region = 'eu-west-1';

-- name: a join on names with a constant looks the name up on both sides
-- calls: DescribeInferenceExperiment us-east-1,eu-west-1 {"Name": "search-relevance"}
-- rows: ["search-relevance", "Running", "Completed"]
SELECT a.name, a.status, b.status FROM aws.sagemaker.inference_experiments a
JOIN aws.sagemaker.inference_experiments b ON a.name = b.name
WHERE a.region = 'us-east-1' AND b.region = 'eu-west-1' AND a.name = 'search-relevance';

-- name: a cross join
-- calls: ListEndpoints us-west-2
--        ListEndpointConfigs us-west-2
-- rows: [9]
SELECT count(*) FROM aws.sagemaker.endpoints p CROSS JOIN aws.sagemaker.endpoint_configs c
WHERE p.region = 'us-west-2' AND c.region = 'us-west-2';

-- name: a full join shows unmatched rows of both sides
-- calls: ListEndpoints us-west-2
--        ListEndpoints eu-west-1
-- rows: ["search", "search"], ["moderation", null], ["forecast", null], [null, "support"], [null, "redaction"]
SELECT w.endpoint_name, e.endpoint_name
FROM (FROM aws.sagemaker.endpoints WHERE region = 'us-west-2') w
FULL JOIN (FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1') e USING (endpoint_name);

-- name: a semi join
-- calls: ListEndpoints us-west-2
--        ListEndpoints eu-west-1
-- rows: ["search"]
SELECT endpoint_name FROM (FROM aws.sagemaker.endpoints WHERE region = 'us-west-2') w
SEMI JOIN (FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1') e USING (endpoint_name);

-- name: an anti join
-- calls: ListEndpoints us-west-2
--        ListEndpoints eu-west-1
-- rows: ["moderation"], ["forecast"]
SELECT endpoint_name FROM (FROM aws.sagemaker.endpoints WHERE region = 'us-west-2') w
ANTI JOIN (FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1') e USING (endpoint_name);

-- name: NOT IN a sub-query
-- calls: ListModels us-east-1
--        ListEndpoints us-east-1
-- rows: ["search-relevance-v2"], ["fraud-xgboost-17-v2"], ["fraud-lightgbm-v2"], ["churn-transformer-v2"],
--       ["pricing-elasticity-v2"], ["churn-monthly-refresh-v2"]
SELECT model_name FROM aws.sagemaker.models WHERE region = 'us-east-1' AND model_name NOT IN
  (SELECT endpoint_name || '-v1' FROM aws.sagemaker.endpoints WHERE region = 'us-east-1');

-- name: NOT EXISTS with a correlated sub-query
-- calls: ListEndpoints us-east-1
--        ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 2
-- rows: ["search"], ["pricing"]
SELECT endpoint_name FROM aws.sagemaker.endpoints p WHERE region = 'us-east-1' AND NOT EXISTS
  (SELECT 1 FROM aws.sagemaker.inference_experiments e WHERE e.region = 'us-east-1'
   AND e.endpoint_name = p.endpoint_name AND e.status IN ('Completed', 'Cancelled'));

-- name: EXISTS with a correlated sub-query
-- calls: ListModels eu-west-1
--        ListInferenceExperiments eu-west-1
-- rows: ["search-relevance-v2"], ["support-triage-v2"], ["gdpr-redaction-v2"]
SELECT model_name FROM aws.sagemaker.models m WHERE m.region = 'eu-west-1' AND EXISTS
  (FROM aws.sagemaker.inference_experiments e WHERE e.region = 'eu-west-1' AND e.name || '-v2' = m.model_name);

-- name: a correlated sub-query counts for each row
-- calls: ListEndpoints us-east-1
--        ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
-- rows: ["search", 1], ["payments-fraud", 2], ["churn", 2], ["pricing", 1]
SELECT p.endpoint_name, (SELECT count(*) FROM aws.sagemaker.inference_experiments e
                         WHERE e.region = 'us-east-1' AND e.endpoint_name = p.endpoint_name)
FROM aws.sagemaker.endpoints p WHERE p.region = 'us-east-1';

-- name: a correlated sub-query takes its region from the outer row
-- setup: SET sqlprov_regions = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
--        ListEndpoints us-west-2
-- rows: ["search-relevance", 3], ["image-moderation", 3], ["demand-forecast", 3]
SELECT e.name, (SELECT count(*) FROM aws.sagemaker.endpoints p WHERE p.region = e.region)
FROM aws.sagemaker.inference_experiments e WHERE e.region = 'us-west-2';

-- name: a scalar sub-query as a bound
-- calls: ListInferenceExperiments us-east-1
--        ListEndpoints us-east-1
-- rows: ["search-relevance"], ["fraud-xgboost-17"], ["fraud-lightgbm"], ["churn-transformer"], ["pricing-elasticity"],
--       ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
  AND creation_time > (SELECT max(creation_time) FROM aws.sagemaker.endpoints WHERE region = 'us-east-1');

-- name: a lateral join
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
--        DescribeEndpoint us-east-1 {"EndpointName": "search"}
--        DescribeEndpoint us-east-1 {"EndpointName": "payments-fraud"}
--        DescribeEndpoint us-east-1 {"EndpointName": "churn"}
--        DescribeEndpoint us-east-1 {"EndpointName": "pricing"}
-- explain: ListEndpoints us-east-1
--          ListInferenceExperiments us-east-1
--          DescribeInferenceExperiment us-east-1 each row
-- rows: ["search", "search-relevance"], ["payments-fraud", "fraud-xgboost-17"], ["churn", "churn-monthly-refresh"],
--       ["pricing", "pricing-elasticity"]
SELECT p.endpoint_name, newest.name FROM aws.sagemaker.endpoints p, LATERAL
  (SELECT name FROM aws.sagemaker.inference_experiments e WHERE e.endpoint_name = p.endpoint_name
   AND e.region = 'us-east-1' ORDER BY creation_time DESC LIMIT 1) newest
WHERE p.region = 'us-east-1';

-- name: an ASOF join finds the newest model before each experiment
-- calls: ListInferenceExperiments us-west-2
--        ListModels us-west-2
-- rows: ["search-relevance", "search-relevance-v2"], ["image-moderation", "image-moderation-v2"],
--       ["demand-forecast", "demand-forecast-v2"]
SELECT e.name, m.model_name
FROM (FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2') e
ASOF JOIN (FROM aws.sagemaker.models WHERE region = 'us-west-2') m ON e.creation_time >= m.creation_time;

-- name: a join with a CSV file
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance", "Ada"], ["image-moderation", "Edsger"]
SELECT e.name, t.owner FROM aws.sagemaker.inference_experiments e JOIN '{files}/teams.csv' t USING (name)
WHERE e.region = 'us-west-2';

-- name: a join with a Parquet file
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance", "Ada"], ["fraud-lightgbm", "Grace"]
SELECT e.name, t.owner FROM aws.sagemaker.inference_experiments e JOIN read_parquet('{files}/teams.parquet') t USING (name)
WHERE e.region = 'us-east-1';

-- name: a join with an Arrow table of the caller
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance", "Ada"], ["image-moderation", "Edsger"]
SELECT e.name, t.owner FROM aws.sagemaker.inference_experiments e JOIN arrow_teams t USING (name)
WHERE e.region = 'us-west-2';

-- name: a join with a pandas frame of the caller
-- calls: ListInferenceExperiments us-west-2 {"StatusEquals": "Running"}
-- rows: ["image-moderation", "Edsger"]
SELECT e.name, t.owner FROM aws.sagemaker.inference_experiments e JOIN pandas_teams t USING (name)
WHERE e.region = 'us-west-2' AND e.status = 'Running';

-- name: a join with a polars frame of the caller
-- calls: ListInferenceExperiments us-west-2
-- rows: ["demand-forecast"]
SELECT e.name FROM aws.sagemaker.inference_experiments e WHERE e.region = 'us-west-2'
  AND NOT EXISTS (FROM polars_teams t WHERE t.name = e.name);

-- name: a join with a local table
-- setup: CREATE OR REPLACE TABLE teams AS FROM (VALUES ('support-triage', 'Barbara'), ('x', 'Alan')) t(name, owner)
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["support-triage", "Barbara"]
SELECT name, owner FROM teams JOIN aws.sagemaker.inference_experiments USING (name) WHERE region = 'eu-west-1';
