-- name: columns of the list cost one list
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance", "Running"], ["fraud-xgboost-17", "Running"], ["fraud-lightgbm", "Completed"],
--       ["churn-transformer", "Cancelled"], ["pricing-elasticity", "Created"], ["churn-monthly-refresh", "Creating"]
SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: a column of Describe costs one call a row
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
-- rows: ["search-relevance", "search"], ["support-triage", "support"], ["gdpr-redaction", "redaction"]
SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: the first SELECT of the seed lists every experiment of a region in full
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
--        ListTags us-east-1 each row x 6
-- count: 6
SELECT
region,
arn,
name,
type,
description,
role_arn,
endpoint_name,
endpoint_metadata,
schedule,
kms_key,
data_storage_config,
model_variants,
shadow_mode_config,
tags,
creation_time,
last_modified_time,
status,
status_reason,
desired_state
FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1';

-- name: the second SELECT of the seed lists the experiments for a placeholder that cannot be a name
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 0
--        ListTags us-east-1 each row x 0
-- rows:
SELECT
region,
arn,
name,
type,
description,
role_arn,
endpoint_name,
endpoint_metadata,
schedule,
kms_key,
data_storage_config,
model_variants,
shadow_mode_config,
tags,
creation_time,
last_modified_time,
status,
status_reason,
desired_state
FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND data__Identifier = '<Name>';

-- name: the second SELECT of the seed with a name looks up one experiment in full
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "fraud-xgboost-17"}
--        ListTags us-east-1 each row x 1
-- rows: ["us-east-1", "arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/fraud-xgboost-17",
--       "fraud-xgboost-17", "ShadowMode", "XGBoost 1.7 on all traffic",
--       "arn:aws:iam::123456789012:role/SageMakerExecution", "payments-fraud",
--       {"EndpointName": "payments-fraud", "EndpointConfigName": "payments-fraud-config",
--        "EndpointStatus": "InService"},
--       {"StartTime": "2025-05-28T13:15:00Z", "EndTime": "2025-06-04T13:15:00Z"}, "alias/payments",
--       {"Destination": "s3://experiments-us-east-1/fraud-xgboost-17",
--        "ContentType": {"JsonContentTypes": ["application/json"]}},
--       [{"ModelName": "payments-fraud-v1", "VariantName": "production", "Status": "InService",
--         "InfrastructureConfig": {"InfrastructureType": "RealTimeInference",
--          "RealTimeInferenceConfig": {"InstanceType": "ml.c5.2xlarge", "InstanceCount": 2}}},
--        {"ModelName": "fraud-xgboost-17-v2", "VariantName": "shadow", "Status": "InService",
--         "InfrastructureConfig": {"InfrastructureType": "RealTimeInference",
--          "RealTimeInferenceConfig": {"InstanceType": "ml.c5.2xlarge", "InstanceCount": 1}}}],
--       {"SourceModelVariantName": "production",
--        "ShadowModelVariants": [{"ShadowModelVariantName": "shadow", "SamplingPercentage": 100}]},
--       [{"Key": "stage", "Value": "prod"}, {"Key": "team", "Value": "payments"}],
--       "2025-05-28T13:05:44.902Z", "2025-05-28T13:17:03.350Z", "Running", null, "Running"]
SELECT
region,
arn,
name,
type,
description,
role_arn,
endpoint_name,
endpoint_metadata,
schedule,
kms_key,
data_storage_config,
model_variants,
shadow_mode_config,
tags,
creation_time,
last_modified_time,
status,
status_reason,
desired_state
FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND data__Identifier = 'fraud-xgboost-17';

-- name: counting rows only needs the list
-- calls: ListInferenceExperiments us-east-1
-- rows: [6]
SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: a constant for each row only needs the list
-- calls: ListEndpoints us-west-2
-- rows: [1], [1], [1]
SELECT 1 FROM aws.sagemaker.endpoints WHERE region = 'us-west-2';

-- name: EXISTS only needs the list
-- at most: ListModels eu-west-1
-- rows: [true]
SELECT EXISTS (FROM aws.sagemaker.models WHERE region = 'eu-west-1');

-- name: tags of an experiment need its ARN, which Describe returns
-- calls: ListInferenceExperiments us-west-2
--        DescribeInferenceExperiment us-west-2 each row x 3
--        ListTags us-west-2 each row x 3
-- rows: ["search-relevance", [{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "search"}]],
--       ["image-moderation", [{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "trust"}]],
--       ["demand-forecast", [{"Key": "stage", "Value": "prod"}, {"Key": "team", "Value": "supply"}]]
SELECT name, tags FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2';

-- name: tags of an endpoint need no Describe: the list returns the ARN
-- calls: ListEndpoints eu-west-1
--        ListTags eu-west-1 each row x 3
-- rows: ["search", "search"], ["support", "support"], ["redaction", "privacy"]
SELECT endpoint_name, tags[1].Value FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1';

-- name: a model without tags has an empty list of them
-- calls: DescribeModel us-east-1 {"ModelName": "search-v1"}
--        ListTags us-east-1 each row x 1
-- rows: ["search-v1", []]
SELECT model_name, tags FROM aws.sagemaker.models WHERE region = 'us-east-1' AND model_name = 'search-v1';

-- name: the account comes from the ARN that the list returns
-- calls: ListModels us-west-2
-- rows: ["123456789012", 6]
SELECT account_id, count(*) FROM aws.sagemaker.models WHERE region = 'us-west-2' GROUP BY account_id;

-- name: the account comes from STS where no call returns an ARN
-- calls: ListInferenceExperiments eu-west-1
--        GetCallerIdentity
-- rows: ["123456789012", "search-relevance"], ["123456789012", "support-triage"], ["123456789012", "gdpr-redaction"]
SELECT account_id, name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: the account comes from the ARN where a column needs Describe anyway
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
-- rows: ["123456789012", "search"], ["123456789012", "support"], ["123456789012", "redaction"]
SELECT account_id, endpoint_name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: the desired state is the status from the list
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["Completed", true], ["Stopping", true], ["Updating", true]
SELECT desired_state, desired_state = status FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: a star returns the columns in the documented order
-- explain: no
-- calls: none
-- in order: ["arn"], ["name"], ["type"], ["description"], ["role_arn"], ["endpoint_name"], ["endpoint_metadata"],
--           ["schedule"], ["kms_key"], ["data_storage_config"], ["model_variants"], ["shadow_mode_config"], ["tags"],
--           ["tag_map"], ["creation_time"], ["last_modified_time"], ["status"], ["status_reason"], ["desired_state"], ["region"],
--           ["completion_time"], ["account_id"], ["account"], ["data__Identifier"]
SELECT column_name FROM (DESCRIBE SELECT * FROM aws.sagemaker.inference_experiments);

-- name: a star without the costly columns only needs the list
-- calls: ListEndpointConfigs us-west-2
-- rows: ["search-config"], ["moderation-config"], ["forecast-config"]
SELECT COLUMNS('endpoint_config_name') FROM (SELECT * FROM aws.sagemaker.endpoint_configs WHERE region = 'us-west-2');

-- name: names ignore case and may be quoted
-- calls: ListInferenceExperiments us-west-2 {"StatusEquals": "Starting"}
-- rows: ["search-relevance"]
SELECT "Name" FROM "AWS".SageMaker."Inference_Experiments" WHERE "REGION" = 'us-west-2' AND Status = 'Starting';

-- name: FROM may come first
-- calls: ListEndpoints us-west-2
-- rows: ["search"], ["moderation"], ["forecast"]
FROM aws.sagemaker.endpoints SELECT endpoint_name WHERE region = 'us-west-2';

-- name: a leading hint is accepted
-- calls: ListEndpoints us-west-2
-- rows: [3]
/*+ select */ SELECT count(*) FROM aws.sagemaker.endpoints WHERE region = 'us-west-2';

-- name: comments and line breaks may be anywhere
-- calls: ListEndpoints us-west-2
-- rows: [3]
SELECT /* how many? */ count(*) -- all of them; even so
FROM aws.sagemaker /* the service */ . endpoints
WHERE region = /* Oregon */ 'us-west-2'

;

-- name: a query without a live table calls nothing
-- calls: none
-- rows: [1, "aws.sagemaker.models"]
SELECT 1, 'aws.sagemaker.models';

-- name: an order over a column that is listed
-- calls: ListInferenceExperiments us-east-1
-- in order: ["churn-monthly-refresh"], ["pricing-elasticity"], ["fraud-xgboost-17"], ["search-relevance"],
--           ["fraud-lightgbm"], ["churn-transformer"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' ORDER BY creation_time DESC;

-- name: a limit without an order returns any rows
-- at most: ListInferenceExperiments us-east-1
-- count: 2
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' LIMIT 2;

-- name: a limit describes few rows
-- at most: ListInferenceExperiments us-east-1
--          DescribeInferenceExperiment us-east-1 each row x 4
-- count: 2
SELECT name, arn FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' LIMIT 2;

-- name: a limit after an order and an offset cuts the sorted rows
-- at most: ListInferenceExperiments us-east-1
-- in order: ["fraud-lightgbm"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' ORDER BY name LIMIT 2 OFFSET 2;

-- name: limit zero returns no rows
-- calls: none
-- rows:
SELECT * EXCLUDE (tags, tag_map) FROM aws.sagemaker.models WHERE region = 'us-east-1' LIMIT 0;

-- name: expressions over listed columns only need the list
-- calls: ListInferenceExperiments us-west-2
-- rows: ["SEARCH-RELEVANCE", "busy"], ["IMAGE-MODERATION", "quiet"], ["DEMAND-FORECAST", "quiet"]
SELECT upper(name), CASE WHEN status IN ('Starting', 'Stopping') THEN 'busy' ELSE 'quiet' END
FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2';

-- name: distinct values
-- calls: ListInferenceExperiments us-east-1
-- rows: ["Running"], ["Completed"], ["Cancelled"], ["Created"], ["Creating"]
SELECT DISTINCT status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: the completion time is set for ended experiments
-- calls: ListInferenceExperiments us-east-1
-- rows: ["fraud-lightgbm", "2025-04-21T09:12:31.007Z"], ["churn-transformer", "2025-03-04T07:45:59.018Z"]
SELECT name, completion_time FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND completion_time IS NOT NULL;

-- name: the regions are a table that needs no call
-- calls: none
-- rows: ["us-east-1", "aws"], ["us-gov-west-1", "aws-us-gov"]
SELECT region, partition FROM aws.regions WHERE region IN ('us-east-1', 'us-gov-west-1');
