-- name: a view with a condition on region
-- setup: CREATE OR REPLACE VIEW west AS SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"], ["image-moderation"], ["demand-forecast"]
SELECT name FROM west;

-- name: a condition on a view is pushed through it
-- setup: CREATE OR REPLACE VIEW west AS SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2 {"StatusEquals": "Running"}
-- rows: ["image-moderation"]
SELECT name FROM west WHERE status = 'Running';

-- name: a view without a region takes the statement's
-- setup: CREATE OR REPLACE VIEW tests AS SELECT name, status, region AS place FROM aws.sagemaker.inference_experiments
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["search-relevance"], ["support-triage"], ["gdpr-redaction"]
SELECT name FROM tests WHERE place = 'eu-west-1';

-- name: a view without a region takes the default
-- setup: SET sqlprov_regions = 'us-west-2';
--        CREATE OR REPLACE VIEW tests AS SELECT name, status, region FROM aws.sagemaker.inference_experiments
-- calls: ListInferenceExperiments us-west-2
-- rows: [3]
SELECT count(*) FROM tests;

-- name: a view over a view
-- setup: CREATE OR REPLACE VIEW tests AS SELECT * FROM aws.sagemaker.inference_experiments;
--        CREATE OR REPLACE VIEW running AS SELECT name, endpoint_name, region FROM tests WHERE status = 'Running'
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
--        DescribeInferenceExperiment us-east-1 each row x 2
-- rows: ["search-relevance", "search"], ["fraud-xgboost-17", "payments-fraud"]
SELECT name, endpoint_name FROM running WHERE region = 'us-east-1';

-- name: a view with a pattern of regions inside
-- setup: CREATE OR REPLACE VIEW europe AS SELECT region, endpoint_name FROM aws.sagemaker.endpoints WHERE region LIKE 'eu-%'
-- calls: ListEndpoints eu-*
-- rows: ["eu-west-1", "search"], ["eu-west-1", "support"], ["eu-west-1", "redaction"]
SELECT region, endpoint_name FROM europe;

-- name: a pattern of regions on a view
-- setup: CREATE OR REPLACE VIEW serving AS SELECT region AS place, endpoint_name FROM aws.sagemaker.endpoints
-- calls: ListEndpoints eu-*
-- rows: ["search"], ["support"], ["redaction"]
SELECT endpoint_name FROM serving WHERE place LIKE 'eu-%';

-- name: a view that joins two tables
-- setup: CREATE OR REPLACE VIEW served AS SELECT p.endpoint_name, c.endpoint_config_name, p.region
--        FROM aws.sagemaker.endpoints p JOIN aws.sagemaker.endpoint_configs c USING (endpoint_config_name, region)
-- calls: ListEndpoints us-west-2
--        DescribeEndpoint us-west-2 each row x 3
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "search-config"}
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "moderation-config"}
--        DescribeEndpointConfig us-west-2 {"EndpointConfigName": "forecast-config"}
-- explain: ListEndpoints us-west-2
--          DescribeEndpoint us-west-2 each row
--          ListEndpointConfigs us-west-2
-- rows: ["search", "search-config"], ["moderation", "moderation-config"], ["forecast", "forecast-config"]
SELECT endpoint_name, endpoint_config_name FROM served WHERE region = 'us-west-2';

-- name: a temporary view
-- setup: CREATE OR REPLACE TEMP VIEW mine AS SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-west-2'
-- calls: ListEndpoints us-west-2
-- rows: [3]
SELECT count(*) FROM mine;

-- name: a scalar macro reads a table
-- setup: CREATE OR REPLACE MACRO experiments_of(e) AS
--        (SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND endpoint_name = e)
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
-- rows: [2]
SELECT experiments_of('churn');

-- name: a scalar macro is called for each row
-- setup: CREATE OR REPLACE MACRO short(t) AS split_part(t, '-', 1)
-- calls: ListInferenceExperiments eu-west-1
-- rows: ["search"], ["support"], ["gdpr"]
SELECT short(name) FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1';

-- name: a table macro takes the status and the region
-- setup: CREATE OR REPLACE MACRO found(s, r) AS TABLE
--        SELECT name FROM aws.sagemaker.inference_experiments WHERE status = s AND region = r
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Cancelled"}
-- rows: ["churn-transformer"]
SELECT name FROM found('Cancelled', 'us-east-1');

-- name: a table macro with the region of the outer statement
-- setup: CREATE OR REPLACE MACRO with_status(s) AS TABLE
--        SELECT name, region FROM aws.sagemaker.inference_experiments WHERE status = s
-- calls: ListInferenceExperiments us-west-2 {"StatusEquals": "Starting"}
-- rows: ["search-relevance"]
SELECT name FROM with_status('Starting') WHERE region = 'us-west-2';

-- name: the table of tables lists those that no statement has named
-- explain: no
-- calls: none
-- rows: ["aws", "models"]
SELECT provider, "table" FROM sqlprov.tables WHERE service = 'sagemaker' AND "table" = 'models';

-- name: after USE a table needs no schema
-- setup: USE aws.sagemaker
-- calls: ListModels us-west-2
-- rows: [6]
SELECT count(*) FROM models WHERE region = 'us-west-2';

-- name: after USE of the provider a table needs its service
-- setup: USE aws
-- calls: ListModels us-west-2
-- rows: [6]
SELECT count(*) FROM sagemaker.models WHERE region = 'us-west-2';

-- name: a pattern of regions on a view by its full name overrides the default region
-- setup: SET sqlprov_regions = 'us-east-1';
--        CREATE OR REPLACE VIEW serving AS SELECT region AS place, endpoint_name FROM aws.sagemaker.endpoints
-- calls: ListEndpoints eu-*
-- rows: ["search"], ["support"], ["redaction"]
SELECT endpoint_name FROM memory.main.serving WHERE place LIKE 'eu-%';

-- name: a pattern of regions on a view by its database and name overrides the default region
-- setup: SET sqlprov_regions = 'us-east-1';
--        CREATE OR REPLACE VIEW serving AS SELECT region AS place, endpoint_name FROM aws.sagemaker.endpoints
-- calls: ListEndpoints eu-*
-- rows: ["search"], ["support"], ["redaction"]
SELECT endpoint_name FROM memory.serving WHERE place LIKE 'eu-%';

-- name: a column of a view over regions keeps its name
-- setup: CREATE OR REPLACE VIEW counting AS SELECT (SELECT count(*) FROM aws.sagemaker.endpoints WHERE region LIKE 'eu-%')
--        FROM aws.sagemaker.inference_experiments;
--        SET sqlprov_regions = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
--        ListEndpoints eu-*
-- rows: [3], [3], [3]
FROM counting;
