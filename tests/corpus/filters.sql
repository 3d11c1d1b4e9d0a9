-- name: status is pushed from an equality
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status = 'Running';

-- name: status is pushed from an equality with the constant first
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE 'us-east-1' = region AND 'Running' = status;

-- name: status is pushed from IN with one value
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Created"}
-- rows: ["pricing-elasticity"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status IN ('Created');

-- name: status is not pushed from IN with two values
-- calls: ListInferenceExperiments us-east-1
-- rows: ["pricing-elasticity"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status IN ('Created', 'Creating');

-- name: values that the model does not know are filtered here
-- calls: ListInferenceExperiments us-east-1
-- rows: ["pricing-elasticity"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status IN ('created', 'Created', 'CREATED');

-- name: a status that the model does not know is not sent: the list is read
-- calls: ListInferenceExperiments us-east-1
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status = 'running';

-- name: a type that the model does not know is not sent: the list is read
-- calls: ListInferenceExperiments us-east-1
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND type = 'ABTest';

-- name: type is pushed from an equality
-- calls: ListInferenceExperiments us-west-2 {"Type": "ShadowMode"}
-- rows: ["search-relevance"], ["image-moderation"], ["demand-forecast"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND type = 'ShadowMode';

-- name: filters on several columns are pushed together
-- calls: ListInferenceExperiments us-east-1 {"Type": "ShadowMode", "StatusEquals": "Running",
--        "CreationTimeAfter": "2025-05-26T23:59:59Z"}
-- rows: ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND type = 'ShadowMode' AND status = 'Running' AND creation_time > '2025-05-27';

-- name: a lower bound on the creation time is widened by a second
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-05-27T23:59:59Z"}
-- rows: ["fraud-xgboost-17"], ["pricing-elasticity"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND creation_time > '2025-05-28';

-- name: an upper bound on the creation time is widened by a second
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeBefore": "2025-04-15T00:00:01Z"}
-- rows: ["fraud-lightgbm"], ["churn-transformer"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time < TIMESTAMPTZ '2025-04-15 00:00:00+00';

-- name: a lower bound on the last modified time
-- calls: ListInferenceExperiments eu-west-1 {"LastModifiedTimeAfter": "2025-05-31T16:59:59Z"}
-- rows: ["gdpr-redaction"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1' AND last_modified_time >= '2025-05-31 17:00:00';

-- name: an upper bound on the last modified time
-- calls: ListInferenceExperiments eu-west-1 {"LastModifiedTimeBefore": "2025-05-31T16:02:50Z"}
-- rows: ["search-relevance"], ["support-triage"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1' AND last_modified_time <= '2025-05-31 16:02:48.275';

-- name: an inclusive bound includes the bound itself
-- calls: ListInferenceExperiments eu-west-1 {"CreationTimeAfter": "2025-05-19T09:59:59Z"}
-- rows: ["support-triage"], ["gdpr-redaction"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1' AND creation_time >= '2025-05-19 10:00:00';

-- name: an exclusive bound excludes the bound itself
-- calls: ListInferenceExperiments eu-west-1 {"CreationTimeAfter": "2025-05-19T09:59:59Z"}
-- rows: ["gdpr-redaction"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1' AND creation_time > '2025-05-19 10:00:00';

-- name: BETWEEN sends both bounds
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-04-13T23:59:59Z",
--        "CreationTimeBefore": "2025-05-27T00:00:01Z"}
-- rows: ["search-relevance"], ["fraud-lightgbm"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time BETWEEN '2025-04-14' AND '2025-05-27';

-- name: several bounds on one column are intersected
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-04-30T23:59:59Z",
--        "CreationTimeBefore": "2025-05-29T00:00:01Z"}
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time > '2025-05-01' AND creation_time > '2025-04-01'
  AND creation_time < '2025-05-29' AND creation_time < '2025-06-01';

-- name: an exact time is bounded on both sides
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-05-26T08:29:59Z",
--        "CreationTimeBefore": "2025-05-26T08:30:02Z"}
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time = '2025-05-26 08:30:00.125';

-- name: times in a list are bounded by the first and the last
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-04-14T08:59:59Z",
--        "CreationTimeBefore": "2025-05-30T11:00:01Z"}
-- rows: ["fraud-lightgbm"], ["pricing-elasticity"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
  AND creation_time IN ('2025-04-14 09:00:00', '2025-05-01 00:00:00', '2025-05-30 11:00:00');

-- name: ranges joined by OR are bounded by the range around both
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-03-02T23:59:59Z",
--        "CreationTimeBefore": "2025-05-27T00:00:01Z"}
-- rows: ["churn-transformer"], ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
  AND (creation_time BETWEEN '2025-03-03' AND '2025-03-05' OR creation_time BETWEEN '2025-05-26' AND '2025-05-27');

-- name: ranges with both ends open send no bound
-- calls: ListInferenceExperiments us-east-1
-- rows: ["churn-transformer"], ["pricing-elasticity"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND (creation_time < '2025-04-01' OR creation_time > '2025-05-29');

-- name: a bound computed from constants
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-05-29T23:59:59Z"}
-- rows: ["pricing-elasticity"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time > TIMESTAMPTZ '2025-06-01 00:00:00Z' - INTERVAL 2 DAY;

-- name: a bound with an offset is sent in UTC
-- calls: ListInferenceExperiments us-east-1 {"CreationTimeAfter": "2025-05-30T10:29:59Z"}
-- rows: ["pricing-elasticity"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time > TIMESTAMPTZ '2025-05-30 12:30:00+02';

-- name: bounds before the years that AWS knows are not sent
-- calls: ListInferenceExperiments us-west-2
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND creation_time > '1900-01-01';

-- name: an infinite bound is not sent
-- calls: ListInferenceExperiments us-west-2
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND creation_time < TIMESTAMPTZ 'infinity';

-- name: a range of names is listed by their common prefix
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "fraud-"}
-- rows: ["fraud-xgboost-17"], ["fraud-lightgbm"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name BETWEEN 'fraud-a' AND 'fraud-z';

-- name: two bounds on the name are listed by their common prefix
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "churn-"}
-- rows: ["churn-transformer"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name >= 'churn-m' AND name < 'churn-zz';

-- name: a range of names without a common prefix narrows nothing
-- calls: ListInferenceExperiments us-east-1
-- rows: ["churn-transformer"], ["churn-monthly-refresh"], ["fraud-lightgbm"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name < 'pricing';

-- name: the text before a character that the service refuses still narrows
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "churn"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name BETWEEN 'churn_a' AND 'churn_z';

-- name: LIKE narrows to the longest run of characters
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "boost"}
-- rows: ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name LIKE '%boost%';

-- name: a function of a column is not pushed
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND lower(status) = 'running';

-- name: an inequality is not pushed
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"], ["demand-forecast"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND status <> 'Running';

-- name: NOT IN is not pushed
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND status NOT IN ('Running', 'Completed');

-- name: a negated inequality is an equality
-- calls: ListInferenceExperiments us-west-2 {"StatusEquals": "Running"}
-- rows: ["image-moderation"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND NOT status <> 'Running';

-- name: a range of statuses is not pushed
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"], ["image-moderation"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND status > 'R';

-- name: a condition on both sides of an OR is pushed
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
  AND ((status = 'Running' AND creation_time < '2025-05-27') OR (status = 'Running' AND name > 'f'));

-- name: a condition on one side of an OR is not pushed
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance"], ["fraud-xgboost-17"], ["churn-transformer"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND (status = 'Running' OR creation_time < '2025-04-01');

-- name: two statuses that exclude each other make no call
-- calls: none
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status = 'Running' AND status = 'Completed';

-- name: two bounds that exclude each other make no call
-- calls: none
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND creation_time > '2025-05-02' AND creation_time < '2025-05-01';

-- name: a comparison with NULL makes no call
-- calls: none
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status = NULL;

-- name: WHERE false makes no call
-- calls: none
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE false;

-- name: rows without a value are found by IS NULL
-- calls: ListInferenceExperiments us-east-1
-- rows: ["pricing-elasticity"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND description IS NULL;

-- name: columns are compared with each other
-- calls: ListInferenceExperiments us-east-1
-- rows: ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND creation_time = last_modified_time;

-- name: a condition on a described column describes every row
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
-- rows: ["churn-transformer"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND endpoint_name = 'churn';

-- name: a filter of the list saves calls for rows
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
--        DescribeInferenceExperiment us-east-1 each row x 2
-- rows: ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status = 'Running' AND kms_key IS NOT NULL;

-- name: a condition that only the client can check saves calls for rows too
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 2
-- rows: ["churn-transformer", "churn"], ["fraud-lightgbm", "payments-fraud"]
SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status IN ('Completed', 'Cancelled');

-- name: endpoints are filtered by status and last modified time
-- calls: ListEndpoints eu-west-1 {"StatusEquals": "Updating", "LastModifiedTimeAfter": "2025-05-31T17:59:59Z"}
-- rows: ["redaction"]
SELECT endpoint_name FROM aws.sagemaker.endpoints
WHERE region = 'eu-west-1' AND endpoint_status = 'Updating' AND last_modified_time > '2025-05-31 18:00:00';

-- name: endpoints are filtered by name, creation and last modified time
-- calls: ListEndpoints us-east-1 {"NameContains": "p", "CreationTimeAfter": "2024-05-31T23:59:59Z",
--        "CreationTimeBefore": "2025-01-01T00:00:01Z", "LastModifiedTimeBefore": "2025-06-01T00:00:01Z"}
-- rows: ["payments-fraud"]
SELECT endpoint_name FROM aws.sagemaker.endpoints
WHERE region = 'us-east-1' AND endpoint_name BETWEEN 'pa' AND 'pz'
  AND creation_time BETWEEN '2024-06-01' AND '2025-01-01' AND last_modified_time < '2025-06-01';

-- name: an endpoint status that the model does not know is not sent
-- calls: ListEndpoints us-east-1
-- rows:
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-east-1' AND endpoint_status = 'Ready';

-- name: endpoint configurations are filtered by name and creation
-- calls: ListEndpointConfigs us-east-1 {"NameContains": "p", "CreationTimeAfter": "2024-12-31T23:59:59Z",
--        "CreationTimeBefore": "2025-06-01T00:00:01Z"}
-- rows: ["pricing-config"]
SELECT endpoint_config_name FROM aws.sagemaker.endpoint_configs
WHERE region = 'us-east-1' AND endpoint_config_name BETWEEN 'pa' AND 'pz'
  AND creation_time >= '2025-01-01' AND creation_time < '2025-06-01';

-- name: models are filtered by name and creation
-- calls: ListModels us-east-1 {"NameContains": "churn-", "CreationTimeAfter": "2025-02-28T23:59:59Z",
--        "CreationTimeBefore": "2025-05-01T00:00:01Z"}
-- rows: ["churn-transformer-v2"]
SELECT model_name FROM aws.sagemaker.models
WHERE region = 'us-east-1' AND model_name BETWEEN 'churn-' AND 'churn-z'
  AND creation_time >= '2025-03-01' AND creation_time <= '2025-05-01';
