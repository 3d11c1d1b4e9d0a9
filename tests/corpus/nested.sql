-- name: a field of a listed structure
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["search-relevance", "2025-05-05T07:40:00Z"], ["support-triage", null], ["gdpr-redaction", "2035-02-01T00:00:00Z"]
SELECT name, schedule.StartTime FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: fields of a structure ignore case
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["gdpr-redaction"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1' AND schedule.starttime > TIMESTAMPTZ '2030-01-01 00:00:00Z';

-- name: a field of a described structure filters
-- calls: ListEndpoints us-east-1
--        DescribeEndpoint us-east-1 each row x 4
-- rows: ["search"], ["payments-fraud"], ["churn"], ["pricing"]
SELECT endpoint_name FROM aws.sagemaker.endpoints
WHERE region = 'us-east-1' AND production_variants[1].CurrentInstanceCount = 2;

-- name: an element of a list of structures
-- calls: ListInferenceExperiments us-west-2
--        DescribeInferenceExperiment us-west-2 each row x 3
-- rows: ["search-relevance-v2", "ml.g5.xlarge"], ["image-moderation-v2", "ml.g5.4xlarge"],
--       ["demand-forecast-v2", "ml.m5.4xlarge"]
SELECT model_variants[2].ModelName,
       model_variants[2].InfrastructureConfig.RealTimeInferenceConfig.InstanceType
FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2';

-- name: a list is unnested
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "image-moderation"}
-- rows: ["image-moderation", "production", 2], ["image-moderation", "shadow", 1]
SELECT name, v.VariantName, v.InfrastructureConfig.RealTimeInferenceConfig.InstanceCount
FROM (SELECT name, unnest(model_variants) AS v FROM aws.sagemaker.inference_experiments
      WHERE region = 'us-west-2' AND name = 'image-moderation');

-- name: a lateral unnest of a list
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
-- rows: ["search-relevance", "search-v1"], ["search-relevance", "search-relevance-v2"], ["support-triage", "support-v1"],
--       ["support-triage", "support-triage-v2"], ["gdpr-redaction", "redaction-v1"], ["gdpr-redaction", "gdpr-redaction-v2"]
SELECT e.name, t.v.ModelName FROM aws.sagemaker.inference_experiments e, unnest(e.model_variants) AS t(v)
WHERE e.region = 'eu-west-1';

-- name: json_extract reads a structure
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Created"}
-- rows: ["\"2035-01-08T06:00:00Z\""]
SELECT json_extract(schedule, '$.StartTime') FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND status = 'Created';

-- name: json_extract reads a list of structures
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "churn-transformer"}
-- rows: ["\"production\"", "10"]
SELECT json_extract(model_variants, '$[0].VariantName'),
       json_extract(shadow_mode_config, '$.ShadowModelVariants[0].SamplingPercentage')
FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = 'churn-transformer';

-- name: a list comprehension picks a tag
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
--        ListTags eu-west-1 each row x 3
-- rows: ["search-relevance", "search"], ["support-triage", "support"], ["gdpr-redaction", "privacy"]
SELECT name, [t.Value FOR t IN tags IF t.Key = 'team'][1] FROM aws.sagemaker.inference_experiments
WHERE region = 'eu-west-1';

-- name: rows are chosen by a tag
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
--        ListTags us-east-1 each row x 6
-- rows: ["churn-transformer"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND list_contains(tags, {'Key': 'team', 'Value': 'growth'});

-- name: a tag is read by its key
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
--        ListTags eu-west-1 each row x 3
-- rows: ["search-relevance", "search"], ["support-triage", "support"], ["gdpr-redaction", "privacy"]
SELECT name, tag_map['team'] FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: rows are chosen by the key of a tag
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
--        ListTags us-east-1 each row x 6
-- rows: ["churn-transformer"], ["churn-monthly-refresh"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND tag_map ->> 'team' = 'growth';

-- name: a map is read by its key
-- calls: DescribeModel us-east-1 {"ModelName": "churn-v1"}
-- rows: ["info"]
SELECT primary_container.Environment['LOG_LEVEL'] FROM aws.sagemaker.models
WHERE region = 'us-east-1' AND model_name = 'churn-v1';

-- name: a structure is spread into columns
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "demand-forecast"}
-- rows: ["forecast", "forecast-config", "InService", null]
SELECT unnest(endpoint_metadata) FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND name = 'demand-forecast';

-- name: what the service did not send is NULL in JSON
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
-- count: 6
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND json_extract(data_storage_config, '$.KmsKey') IS NULL;

-- name: a time in JSON is compared as AWS writes it
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND schedule ->> '$.EndTime' = '2025-06-09T08:40:00Z';
