-- name: a positional parameter
-- params: ["Running"]
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status = ?;

-- name: several positional parameters
-- params: ["us-west-2", "search-relevance"]
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "search-relevance"}
-- rows: ["Starting"]
SELECT status FROM aws.sagemaker.inference_experiments WHERE region = ? AND name = ?;

-- name: numbered parameters
-- params: ["Cancelled", "us-east-1"]
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Cancelled"}
-- rows: ["churn-transformer", "Cancelled"]
SELECT name, $1 FROM aws.sagemaker.inference_experiments WHERE region = $2 AND status = $1;

-- name: named parameters
-- params: {"where": "eu-west-1", "since": "2025-05-19 00:00:00+00"}
-- calls: ListInferenceExperiments eu-west-1 {"CreationTimeAfter": "2025-05-18T23:59:59Z"}
-- rows: ["support-triage"], ["gdpr-redaction"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = $where AND creation_time >= $since::TIMESTAMPTZ;

-- name: a parameter with a quote
-- params: ["x' OR '1' = '1"]
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "OR"}
-- rows:
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name = ?;

-- name: a list parameter
-- params: [["fraud-lightgbm", "search-relevance"]]
-- calls: DescribeInferenceExperiment us-east-1 {"Name": "fraud-lightgbm"}
--        DescribeInferenceExperiment us-east-1 {"Name": "search-relevance"}
-- rows: ["fraud-lightgbm"], ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND list_contains(?::VARCHAR[], name);

-- name: a parameter in a pattern of regions
-- params: ["eu-%"]
-- calls: ListEndpoints eu-*
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.endpoints WHERE region LIKE ?;

-- name: a prepared statement
-- setup: PREPARE by_status AS SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status = $1
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Completed"}
-- rows: ["fraud-lightgbm"]
EXECUTE by_status('Completed');

-- name: a prepared statement with named parameters
-- setup: PREPARE look_up AS SELECT status FROM aws.sagemaker.inference_experiments WHERE region = $place AND name = $called
-- calls: DescribeInferenceExperiment eu-west-1 {"Name": "gdpr-redaction"}
-- rows: ["Updating"]
EXECUTE look_up(place := 'eu-west-1', called := 'gdpr-redaction');

-- name: a prepared statement without a region takes the default
-- setup: SET sqlprov_regions = 'us-west-2'; PREPARE every AS SELECT count(*) FROM aws.sagemaker.endpoints
-- calls: ListEndpoints us-west-2
-- rows: [3]
EXECUTE every;

-- name: a prepared statement with a pattern of regions
-- setup: PREPARE europe AS SELECT count(*) FROM aws.sagemaker.endpoints WHERE region LIKE 'eu-%'
-- calls: ListEndpoints eu-*
-- rows: [3]
EXECUTE europe;

-- name: a variable of DuckDB as a value
-- setup: SET VARIABLE wanted = 'Running'
-- calls: ListInferenceExperiments us-west-2 {"StatusEquals": "Running"}
-- rows: ["image-moderation"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND status = getvariable('wanted');

-- name: an unused parameter is an error
-- params: {"where": "us-east-1", "wehre": "us-east-1"}
-- error: ProgrammingError: No statement has a parameter $wehre. Did you mean 'where'?
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = $where;

-- name: a named parameter as a part of a pattern of regions
-- params: {"prefix": "eu-w"}
-- calls: ListModels eu-west-*
-- rows: [6]
SELECT count(*) FROM aws.sagemaker.models WHERE region LIKE $prefix || '%';

-- name: a pattern of regions as a parameter of a prepared statement
-- setup: PREPARE hidden AS SELECT count(*) FROM aws.sagemaker.models WHERE region LIKE $1
-- calls: ListModels eu-west-*
-- rows: [6]
EXECUTE hidden('eu-w%');
