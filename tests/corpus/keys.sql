-- name: a name is looked up without a list
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "search-relevance"}
-- rows: ["search-relevance", "Running", "search"]
SELECT name, status, endpoint_name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name = 'search-relevance';

-- name: a lookup fills the columns of the list too
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "churn-transformer"}
-- rows: ["ShadowMode", "p99 latency of the shadow above 900 ms", "2025-03-04T07:45:59.018Z", "Cancelled"]
SELECT type, status_reason, completion_time, desired_state FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name = 'churn-transformer';

-- name: the identifier is the name
-- calls: DescribeInferenceExperiment eu-west-1 {"Name": "support-triage"}
-- rows: ["support-triage", "support-triage", "goal reached early"]
SELECT name, data__Identifier, status_reason FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1' AND data__Identifier = 'support-triage';

-- name: the identifier column ignores case
-- calls: DescribeEndpoint eu-west-1 {"EndpointName": "support"}
-- rows: ["support", "support-config"]
SELECT endpoint_name, endpoint_config_name FROM aws.sagemaker.endpoints
WHERE region = 'eu-west-1' AND DATA__IDENTIFIER = 'support';

-- name: names in a list are looked up one by one
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "fraud-lightgbm"}
--        DescribeInferenceExperiment us-east-1 {"Name": "fraud-xgboost-17"}
-- rows: ["fraud-lightgbm", "Completed"], ["fraud-xgboost-17", "Running"]
SELECT name, status FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name IN ('fraud-lightgbm', 'fraud-xgboost-17', 'fraud-lightgbm');

-- name: identifiers in a list are looked up one by one
-- calls: DescribeEndpointConfig us-west-2 {"EndpointConfigName": "forecast-config"}
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "search-config"}
-- rows: ["forecast-config", "forecast-v1"], ["search-config", "search-v1"]
SELECT endpoint_config_name, production_variants[1].ModelName FROM aws.sagemaker.endpoint_configs
WHERE region = 'us-west-2' AND data__Identifier IN ('forecast-config', 'search-config');

-- name: names joined by OR are looked up one by one
-- calls: DescribeModel us-west-2 {"ModelName": "forecast-v1"}
--        DescribeModel us-west-2 {"ModelName": "search-v1"}
-- rows: ["forecast-v1"], ["search-v1"]
SELECT model_name FROM aws.sagemaker.models
WHERE region = 'us-west-2' AND (model_name = 'forecast-v1' OR model_name = 'search-v1');

-- name: a name is looked up in every region of the condition
-- calls: DescribeInferenceExperiment us-east-1,eu-west-1,us-west-2 {"Name": "search-relevance"}
-- rows: ["us-east-1", "Running"], ["eu-west-1", "Completed"], ["us-west-2", "Starting"]
SELECT region, status FROM aws.sagemaker.inference_experiments
WHERE name = 'search-relevance' AND region IN ('us-east-1', 'eu-west-1', 'us-west-2');

-- name: a name that does not exist has no rows
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "never-built"}
-- rows:
SELECT * EXCLUDE (tags, tag_map) FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = 'never-built';

-- name: a model that does not exist has no rows
-- calls: DescribeModel us-east-1 {"ModelName": "never-built"}
-- rows:
SELECT model_name FROM aws.sagemaker.models WHERE region = 'us-east-1' AND model_name = 'never-built';

-- name: an endpoint that does not exist has no rows
-- calls: DescribeEndpoint us-east-1 {"EndpointName": "never-built"}
-- rows:
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-east-1' AND endpoint_name = 'never-built';

-- name: a configuration that does not exist has no rows
-- calls: DescribeEndpointConfig us-east-1 {"EndpointConfigName": "never-built"}
-- rows:
SELECT endpoint_config_name FROM aws.sagemaker.endpoint_configs
WHERE region = 'us-east-1' AND endpoint_config_name = 'never-built';

-- name: names in a list that do not exist have no rows
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "demand-forecast"}
--        DescribeInferenceExperiment us-west-2 {"Name": "never-built"}
--        ListTags us-west-2 each row x 1
-- rows: ["demand-forecast", "supply"]
SELECT name, tags[2].Value FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND name IN ('demand-forecast', 'never-built');

-- name: a name that the service would refuse is not sent: the list is read
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "Brien"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = 'O''Brien';

-- name: a name that is too long is not sent: the list is read
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = repeat('a', 200);

-- name: an empty name is not sent: the list is read
-- calls: ListInferenceExperiments us-east-1
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = '';

-- name: an identifier that the service would refuse is not sent: the list is read
-- calls: ListEndpoints us-east-1
-- rows: [0]
SELECT count(*) FROM aws.sagemaker.endpoints WHERE region = 'us-east-1' AND data__Identifier = 'search|v1';

-- name: a list of names with one that the service would refuse makes no lookup
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name IN ('O''Brien', 'search-relevance', '-dash', 'a_b');

-- name: names are case-sensitive
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "Search-Relevance"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = 'Search-Relevance';

-- name: a name and another condition make a lookup
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "search-relevance"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name = 'search-relevance' AND status = 'Completed';

-- name: a name and a status that the model does not know make a lookup
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "search-relevance"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name = 'search-relevance' AND status = 'Finished';

-- name: two names that exclude each other make no call
-- calls: none
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name = 'search-relevance' AND name = 'fraud-lightgbm';

-- name: a name and an identifier that exclude each other make no call
-- calls: none
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name = 'search-relevance' AND data__Identifier = 'fraud-lightgbm';

-- name: names and identifiers are intersected
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "fraud-lightgbm"}
-- rows: ["fraud-lightgbm"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'
  AND name IN ('search-relevance', 'fraud-lightgbm') AND data__Identifier IN ('fraud-lightgbm', 'churn-transformer');

-- name: a name or another condition needs the list
-- calls: ListInferenceExperiments us-east-1
-- rows: ["fraud-lightgbm"], ["pricing-elasticity"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND (name = 'fraud-lightgbm' OR status = 'Created');

-- name: counting by name makes a lookup
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "demand-forecast"}
-- rows: [1]
SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND name = 'demand-forecast';

-- name: twenty names are looked up
-- calls: DescribeModel us-west-2 {"ModelName": "forecast-v1"}
--        DescribeModel us-west-2 {"ModelName": "m01"}
--        DescribeModel us-west-2 {"ModelName": "m02"}
--        DescribeModel us-west-2 {"ModelName": "m03"}
--        DescribeModel us-west-2 {"ModelName": "m04"}
--        DescribeModel us-west-2 {"ModelName": "m05"}
--        DescribeModel us-west-2 {"ModelName": "m06"}
--        DescribeModel us-west-2 {"ModelName": "m07"}
--        DescribeModel us-west-2 {"ModelName": "m08"}
--        DescribeModel us-west-2 {"ModelName": "m09"}
--        DescribeModel us-west-2 {"ModelName": "m10"}
--        DescribeModel us-west-2 {"ModelName": "m11"}
--        DescribeModel us-west-2 {"ModelName": "m12"}
--        DescribeModel us-west-2 {"ModelName": "m13"}
--        DescribeModel us-west-2 {"ModelName": "m14"}
--        DescribeModel us-west-2 {"ModelName": "m15"}
--        DescribeModel us-west-2 {"ModelName": "m16"}
--        DescribeModel us-west-2 {"ModelName": "m17"}
--        DescribeModel us-west-2 {"ModelName": "m18"}
--        DescribeModel us-west-2 {"ModelName": "search-v1"}
-- rows: ["forecast-v1"], ["search-v1"]
SELECT model_name FROM aws.sagemaker.models WHERE region = 'us-west-2' AND model_name IN
  ('m01', 'm02', 'm03', 'm04', 'm05', 'm06', 'm07', 'm08', 'm09', 'm10', 'm11', 'm12', 'm13', 'm14', 'm15', 'm16',
   'm17', 'm18', 'forecast-v1', 'search-v1');

-- name: twenty-five names are listed
-- calls: ListModels us-west-2
-- rows: ["forecast-v1"], ["search-v1"]
SELECT model_name FROM aws.sagemaker.models WHERE region = 'us-west-2' AND model_name IN
  ('m01', 'm02', 'm03', 'm04', 'm05', 'm06', 'm07', 'm08', 'm09', 'm10', 'm11', 'm12', 'm13', 'm14', 'm15', 'm16',
   'm17', 'm18', 'm19', 'm20', 'm21', 'm22', 'm23', 'forecast-v1', 'search-v1');

-- name: twenty-five names are listed by their common prefix
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "fraud-"}
--        DescribeInferenceExperiment us-east-1 each row x 2
-- rows: ["fraud-lightgbm", "payments-fraud"], ["fraud-xgboost-17", "payments-fraud"]
SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name IN
  ('fraud-01', 'fraud-02', 'fraud-03', 'fraud-04', 'fraud-05', 'fraud-06', 'fraud-07', 'fraud-08', 'fraud-09',
   'fraud-10', 'fraud-11', 'fraud-12', 'fraud-13', 'fraud-14', 'fraud-15', 'fraud-16', 'fraud-17', 'fraud-18',
   'fraud-19', 'fraud-20', 'fraud-21', 'fraud-22', 'fraud-23', 'fraud-lightgbm', 'fraud-xgboost-17');

-- name: names from a sub-query need the list
-- calls: ListInferenceExperiments us-east-1
-- rows: ["fraud-lightgbm"], ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name IN (SELECT unnest(['fraud-lightgbm', 'search-relevance', 'never-built']));

-- name: all names but one need the list
-- calls: ListEndpoints us-west-2
-- rows: ["search"], ["forecast"]
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-west-2' AND endpoint_name <> 'moderation';
