-- name: UNION ALL of one table in two regions
-- calls: ListInferenceExperiments us-east-1
--        ListInferenceExperiments eu-west-1
-- rows: ["search-relevance", "US"], ["fraud-xgboost-17", "US"], ["fraud-lightgbm", "US"], ["churn-transformer", "US"],
--       ["pricing-elasticity", "US"], ["churn-monthly-refresh", "US"], ["search-relevance", "EU"],
--       ["support-triage", "EU"], ["gdpr-redaction", "EU"]
SELECT name, 'US' FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
UNION ALL SELECT name, 'EU' FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: UNION ALL of different tables
-- calls: ListEndpoints us-west-2
--        ListEndpointConfigs us-west-2
-- rows: ["search"], ["moderation"], ["forecast"], ["search-config"], ["moderation-config"], ["forecast-config"]
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-west-2'
UNION ALL SELECT endpoint_config_name FROM aws.sagemaker.endpoint_configs WHERE region = 'us-west-2';

-- name: a condition around a union is pushed into each part
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Completed"}
--        ListInferenceExperiments us-west-2 {"StatusEquals": "Completed"}
-- rows: ["fraud-lightgbm"], ["demand-forecast"]
SELECT name FROM (SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
                  UNION ALL SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2')
WHERE status = 'Completed';

-- name: UNION removes duplicates
-- calls: ListEndpoints us-east-1
--        ListEndpoints us-west-2
-- rows: ["search"], ["payments-fraud"], ["churn"], ["pricing"], ["moderation"], ["forecast"]
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-east-1'
UNION SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-west-2';

-- name: INTERSECT
-- calls: ListInferenceExperiments us-east-1
--        ListInferenceExperiments eu-west-1
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
INTERSECT SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: EXCEPT
-- calls: ListInferenceExperiments eu-west-1
--        ListInferenceExperiments us-east-1
-- rows: ["support-triage"], ["gdpr-redaction"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1'
EXCEPT SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: UNION ALL BY NAME of live and local rows
-- calls: ListEndpoints eu-west-1 {"StatusEquals": "InService"}
-- rows: ["search", "InService"], ["planned", null]
SELECT endpoint_name, endpoint_status FROM aws.sagemaker.endpoints
WHERE region = 'eu-west-1' AND endpoint_status = 'InService'
UNION ALL BY NAME SELECT 'planned' AS endpoint_name;
