-- name: rows are numbered within their region
-- calls: ListInferenceExperiments eu-west-1,us-west-2
-- rows: ["eu-west-1", "search-relevance", 1], ["eu-west-1", "support-triage", 2], ["eu-west-1", "gdpr-redaction", 3],
--       ["us-west-2", "demand-forecast", 1], ["us-west-2", "image-moderation", 2], ["us-west-2", "search-relevance", 3]
SELECT region, name, row_number() OVER (PARTITION BY region ORDER BY creation_time)
FROM aws.sagemaker.inference_experiments WHERE region IN ('eu-west-1', 'us-west-2');

-- name: QUALIFY keeps the newest of each region
-- calls: ListInferenceExperiments us-east-1,eu-west-1,us-west-2
-- rows: ["us-east-1", "churn-monthly-refresh"], ["eu-west-1", "gdpr-redaction"], ["us-west-2", "search-relevance"]
SELECT region, name FROM aws.sagemaker.inference_experiments WHERE region IN ('us-east-1', 'eu-west-1', 'us-west-2')
QUALIFY row_number() OVER (PARTITION BY region ORDER BY creation_time DESC) = 1;

-- name: a condition above a window does not narrow its rows
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance", 4], ["fraud-xgboost-17", 3]
SELECT name, place FROM (SELECT name, status, row_number() OVER (ORDER BY creation_time DESC) AS place
                         FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1') WHERE status = 'Running';

-- name: a name above a window does not narrow its rows
-- calls: ListInferenceExperiments us-east-1
-- rows: [6]
SELECT n FROM (SELECT name, count(*) OVER () AS n FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1')
WHERE name = 'churn-transformer';

-- name: a condition on the partition is pushed below the window
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["search-relevance", 3], ["support-triage", 3], ["gdpr-redaction", 3]
SELECT name, n FROM (SELECT name, region, count(*) OVER (PARTITION BY region) AS n
                     FROM aws.sagemaker.inference_experiments) WHERE region = 'eu-west-1';

-- name: a condition is not pushed below a limit
-- at most: ListInferenceExperiments us-east-1
-- rows: ["fraud-lightgbm"]
SELECT name FROM (SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
                  ORDER BY creation_time LIMIT 3) WHERE status = 'Completed';

-- name: the time since the previous row
-- calls: ListInferenceExperiments us-west-2
-- in order: ["demand-forecast", null], ["image-moderation", 101], ["search-relevance", 9]
SELECT name, date_diff('day', lag(creation_time) OVER w, creation_time) FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' WINDOW w AS (ORDER BY creation_time) ORDER BY creation_time;
