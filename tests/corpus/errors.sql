-- name: a table that does not exist is an error that names the nearest
-- error: UnknownName: Did you mean
SELECT * FROM aws.sagemaker.inference_experimnts WHERE region = 'us-east-1';

-- name: a service that does not exist is an error that names the nearest
-- error: UnknownName: Did you mean
SELECT * FROM aws.sagemakr.models WHERE region = 'us-east-1';

-- name: a provider that does not exist is an error
-- error: UnknownName: gcp
SELECT * FROM gcp.sagemaker.models WHERE region = 'us-east-1';

-- name: a column that does not exist is an error that names the nearest
-- error: UnknownName: Did you mean 'status'?
SELECT sttus FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: a table that does not exist after USE is an error that names the nearest
-- setup: USE aws.sagemaker
-- error: UnknownName: Did you mean
SELECT * FROM modles WHERE region = 'us-east-1';

-- name: a service is not a table
-- error: UnknownName: 'aws.sagemaker' is a service, not a table: SHOW RESOURCES IN aws.sagemaker lists its tables
FROM aws.sagemaker;

-- name: a service is not a table after USE either
-- setup: USE aws.sagemaker
-- error: UnknownName: 'aws.sagemaker' is a service
SELECT count(*) FROM sagemaker;

-- name: a provider is not a table
-- error: UnknownName: 'aws' is a provider, not a table: SHOW SERVICES IN aws lists its services
SELECT * FROM aws;

-- name: a misspelled noun of SHOW suggests the nearest, including DuckDB's
-- explain: no
-- error: UnknownName: Did you mean 'TABLES'?
SHOW TABELS;

-- name: a name with a hyphen suggests the one with an underscore
-- error: MalformedSQL: Did you mean 'inference_experiments'?
SELECT * FROM aws.sagemaker.inference-experiments WHERE region = 'us-east-1';

-- name: a misspelled keyword before a long name is reported, not a part of the name
-- error: MalformedSQL: Syntax error at 'frm'. Did you mean 'FROM'?
SELECT * frm aws.sagemaker.models;

-- name: a pattern of regions above a limit of a sub-query
-- calls: ListModels *
-- rows: ["eu-west-1"], ["eu-west-1"], ["eu-west-1"]
SELECT * FROM (SELECT region FROM aws.sagemaker.models ORDER BY region LIMIT 3) WHERE region LIKE 'eu-%';

-- name: a pattern of regions above a limit of a query with a name
-- calls: ListModels *
-- rows: ["eu-west-1"], ["eu-west-1"], ["eu-west-1"]
WITH few AS (SELECT region FROM aws.sagemaker.models ORDER BY region LIMIT 3) FROM few WHERE region LIKE 'eu-%';

-- name: malformed SQL shows the place
-- explain: no
-- error: MalformedSQL: LINE 2: FORM aws.sagemaker.models
SELECT model_name
FORM aws.sagemaker.models WHERE region = 'us-east-1';

-- name: a literal that is not closed is an error
-- error: MalformedSQL: LINE 1
SELECT 'abc FROM aws.sagemaker.models;

-- name: a setting that does not exist is an error that names the nearest
-- explain: no
-- error: UnknownName: Did you mean 'sqlprov_regions'?
SET sqlprov_region = 'us-east-1';

-- name: an invalid value of a setting is an error that says what is valid
-- explain: no
-- error: DataError: expected 1 to 256
SET sqlprov_concurrency = 0;

-- name: a value that cannot be converted is an error of the query
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "search"}
-- error: DataError: Could not convert string 'search-relevance' to INT32
SELECT name::INTEGER FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name LIKE 'search%';

-- name: an invalid time is an error of the query
-- calls: ListInferenceExperiments us-east-1
-- error: DataError: some day
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND creation_time > 'some day';

-- name: a file that does not exist is an error
-- error: OperationalError: nowhere.csv
SELECT * FROM aws.sagemaker.models JOIN '{files}/nowhere.csv' USING (model_name) WHERE region = 'us-east-1';

-- name: a column that is the end of the key suggests the key
-- error: UnknownName: Did you mean 'model_name'?
SELECT name FROM aws.sagemaker.models;
