-- name: an equality reads one region
-- calls: ListEndpoints eu-west-1
-- rows: ["search"], ["support"], ["redaction"]
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1';

-- name: a list reads several regions
-- calls: ListEndpoints us-east-1,eu-west-1
-- rows: ["us-east-1", 4], ["eu-west-1", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region IN ('us-east-1', 'eu-west-1') GROUP BY region;

-- name: regions joined by OR
-- calls: ListEndpoints us-west-2,eu-west-1
-- rows: ["us-west-2", 3], ["eu-west-1", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region = 'us-west-2' OR region = 'eu-west-1' GROUP BY 1;

-- name: a region among other conditions joined by OR
-- calls: ListInferenceExperiments us-west-2,eu-west-1
-- rows: ["image-moderation"], ["support-triage"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE (region = 'us-west-2' AND status = 'Running') OR (region = 'eu-west-1' AND status = 'Stopping');

-- name: every region but one
-- calls: ListEndpoints *,!us-east-1
-- rows: ["eu-west-1", 3], ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region <> 'us-east-1' GROUP BY region;

-- name: every region but some
-- calls: ListEndpoints *,!us-east-1,!us-west-2
-- rows: ["eu-west-1", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region NOT IN ('us-east-1', 'us-west-2') GROUP BY region;

-- name: a range of regions
-- calls: ListEndpoints us-*
-- rows: ["us-east-1", 4], ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints
WHERE region BETWEEN 'us-east-1' AND 'us-west-2' GROUP BY region;

-- name: regions by their prefix
-- calls: ListEndpoints eu-*
-- rows: ["eu-west-1", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region LIKE 'eu-%' GROUP BY region;

-- name: regions by a part of their name
-- calls: ListEndpoints *-west-*
-- rows: ["eu-west-1", 3], ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region LIKE '%-west-%' GROUP BY region;

-- name: regions by a prefix that they do not have
-- calls: ListEndpoints *,!us-east-1,!us-east-2,!us-west-1,!us-west-2
-- rows: ["eu-west-1", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region NOT LIKE 'us-%' GROUP BY region;

-- name: regions by a pattern and an exception
-- calls: ListEndpoints us-east-1,us-east-2,us-west-1
-- rows: ["us-east-1", 4]
SELECT region, count(*) FROM aws.sagemaker.endpoints
WHERE region LIKE 'us-%' AND region <> 'us-west-2' GROUP BY region;

-- name: regions by a function of their name
-- calls: ListEndpoints us-east-1
-- rows: [4]
SELECT count(*) FROM aws.sagemaker.endpoints WHERE upper(region) = 'US-EAST-1';

-- name: regions by a regular expression
-- calls: ListEndpoints eu-west-*
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.endpoints WHERE regexp_matches(region, '^eu-west-\d$');

-- name: two regions that exclude each other make no call
-- calls: none
-- rows:
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-east-1' AND region = 'eu-west-1';

-- name: regions in lists are intersected
-- calls: ListEndpoints eu-west-1
-- rows: ["search"], ["support"], ["redaction"]
SELECT endpoint_name FROM aws.sagemaker.endpoints
WHERE region IN ('us-east-1', 'eu-west-1') AND region IN ('eu-west-1', 'us-west-2');

-- name: a region that does not exist has no rows
-- calls: none
-- rows:
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-esat-1';

-- name: no region and no default is an error that says what to write
-- error: RegionError: No region for aws.sagemaker.endpoints. Write WHERE region = 'us-east-1'
SELECT endpoint_name FROM aws.sagemaker.endpoints;

-- name: grouping by region is not a condition on it
-- error: RegionError: No region for aws.sagemaker.endpoints
SELECT region, count(*) FROM aws.sagemaker.endpoints GROUP BY region ORDER BY region;

-- name: the default region serves a statement that names none
-- setup: SET sqlprov_regions = 'eu-west-1'
-- calls: ListEndpoints eu-west-1
-- rows: ["eu-west-1", "search"], ["eu-west-1", "support"], ["eu-west-1", "redaction"]
SELECT region, endpoint_name FROM aws.sagemaker.endpoints;

-- name: several default regions serve a statement that names none
-- setup: SET sqlprov_regions = 'eu-west-1, us-west-2'
-- calls: ListEndpoints eu-west-1,us-west-2
-- in order: ["eu-west-1", 3], ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints GROUP BY region ORDER BY region;

-- name: default regions may be written as a list
-- setup: SET sqlprov_regions = ['us-west-2']
-- calls: ListEndpoints us-west-2
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.endpoints;

-- name: a condition overrides the default region
-- setup: SET sqlprov_regions = 'eu-west-1'
-- calls: ListEndpoints us-west-2
-- rows: ["search"], ["moderation"], ["forecast"]
SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-west-2';

-- name: a pattern overrides the default region
-- setup: SET sqlprov_regions = 'eu-west-1'
-- calls: ListEndpoints us-*
-- rows: ["us-east-1", 4], ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region LIKE 'us-%' GROUP BY region;

-- name: all regions of the account
-- setup: SET sqlprov_regions = 'all'
-- calls: ListInferenceExperiments * {"StatusEquals": "Running"}
-- rows: ["us-east-1", "search-relevance"], ["us-east-1", "fraud-xgboost-17"], ["us-west-2", "image-moderation"]
SELECT region, name FROM aws.sagemaker.inference_experiments WHERE status = 'Running';

-- name: all regions and a condition on region read the regions that meet it
-- setup: SET sqlprov_regions = 'all'
-- calls: ListInferenceExperiments us-west-2
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2';

-- name: one name in three regions is three rows
-- setup: SET sqlprov_regions = 'us-east-1,eu-west-1,us-west-2'
-- calls: DescribeInferenceExperiment us-east-1,eu-west-1,us-west-2 {"Name": "search-relevance"}
-- rows: ["us-east-1", "arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/search-relevance"],
--       ["eu-west-1", "arn:aws:sagemaker:eu-west-1:123456789012:inference-experiment/search-relevance"],
--       ["us-west-2", "arn:aws:sagemaker:us-west-2:123456789012:inference-experiment/search-relevance"]
SELECT region, arn FROM aws.sagemaker.inference_experiments WHERE name = 'search-relevance';

-- name: regions from a sub-query over the regions
-- calls: ListEndpoints *
-- rows: ["eu-west-1", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints
WHERE region IN (SELECT region FROM aws.regions WHERE region LIKE 'eu-%') GROUP BY region;

-- name: regions from a sub-query over their descriptions
-- calls: ListEndpoints *
-- rows: ["search"], ["moderation"], ["forecast"]
SELECT endpoint_name FROM aws.sagemaker.endpoints
WHERE region IN (SELECT region FROM aws.regions WHERE description LIKE '%Oregon%');

-- name: regions from a join with the regions
-- calls: ListEndpoints *
-- rows: ["search", "US West (Oregon)"], ["moderation", "US West (Oregon)"], ["forecast", "US West (Oregon)"]
SELECT e.endpoint_name, r.description FROM aws.sagemaker.endpoints e JOIN aws.regions r ON e.region = r.region
WHERE r.description LIKE '%Oregon%';

-- name: regions from a join with a name of the regions
-- calls: ListEndpoints eu-west-1
-- rows: ["search", "aws"], ["support", "aws"], ["redaction", "aws"]
SELECT endpoint_name, partition FROM aws.sagemaker.endpoints JOIN aws.regions USING (region) WHERE region = 'eu-west-1';

-- name: a condition on one side of a join over the region holds for the other
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
--        DescribeEndpoint eu-west-1 {"EndpointName": "search"}
--        DescribeEndpoint eu-west-1 {"EndpointName": "support"}
--        DescribeEndpoint eu-west-1 {"EndpointName": "redaction"}
-- explain: ListInferenceExperiments eu-west-1
--          DescribeInferenceExperiment eu-west-1 each row
--          ListEndpoints eu-west-1
-- rows: ["search-relevance", "InService"], ["support-triage", "Updating"], ["gdpr-redaction", "Updating"]
SELECT e.name, p.endpoint_status
FROM aws.sagemaker.inference_experiments e JOIN aws.sagemaker.endpoints p USING (endpoint_name, region)
WHERE e.region = 'eu-west-1';

-- name: a condition on another table does not limit this one
-- at most: ListEndpoints us-east-1
-- error: RegionError: aws.sagemaker.models
SELECT e.endpoint_name, m.model_name FROM aws.sagemaker.endpoints e, aws.sagemaker.models m
WHERE e.region = 'us-east-1' AND m.model_name = e.endpoint_name || '-v1';

-- name: regions from values known only at run time
-- setup: SET sqlprov_regions = 'us-east-1'; SET sqlprov_sideways = off
-- calls: ListEndpoints *
--        ListModels us-east-1
-- rows:
SELECT endpoint_name FROM aws.sagemaker.endpoints e, aws.sagemaker.models m WHERE e.region = m.model_name;

-- name: regions from values of a live table
-- setup: SET sqlprov_regions = 'all'
-- calls: ListEndpoints * {"StatusEquals": "InService"}
--        ListInferenceExperiments * {"StatusEquals": "Stopping"}
-- rows: ["eu-west-1", "search"]
SELECT e.region, e.endpoint_name FROM aws.sagemaker.endpoints e
WHERE e.endpoint_status = 'InService'
  AND e.region IN (SELECT region FROM aws.sagemaker.inference_experiments WHERE status = 'Stopping');

-- name: a region as a parameter
-- params: ["eu-west-1"]
-- calls: ListEndpoints eu-west-1
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.endpoints WHERE region = ?;

-- name: regions of each part of a union
-- calls: ListEndpoints eu-west-1
--        ListEndpoints us-west-2
-- rows: ["eu-west-1", 3], ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1' GROUP BY 1
UNION ALL SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region = 'us-west-2' GROUP BY 1;

-- name: a region of another partition may be named
-- calls: ListEndpoints us-gov-west-1
-- rows: [0]
SELECT count(*) FROM aws.sagemaker.endpoints WHERE region = 'us-gov-west-1';

-- name: a region chosen outside of a sub-query
-- calls: ListEndpoints us-west-2
-- rows: ["search"], ["moderation"], ["forecast"]
SELECT endpoint_name FROM (SELECT endpoint_name, region AS place FROM aws.sagemaker.endpoints) WHERE place = 'us-west-2';

-- name: a region in HAVING is a condition on it
-- calls: ListEndpoints us-west-2
-- rows: ["us-west-2", 3]
SELECT region, count(*) FROM aws.sagemaker.endpoints GROUP BY region HAVING region = 'us-west-2';

-- name: a region given by a scalar sub-query
-- calls: ListEndpoints *
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.endpoints
WHERE region = (SELECT region FROM aws.regions WHERE description = 'US West (Oregon)');

-- name: a condition above an unnest overrides the default region
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListInferenceExperiments eu-west-1
--        DescribeInferenceExperiment eu-west-1 each row x 3
-- rows: ["search-relevance", 2], ["support-triage", 2], ["gdpr-redaction", 2]
SELECT name, count(*) FROM aws.sagemaker.inference_experiments e CROSS JOIN unnest(e.model_variants) AS t(v)
WHERE e.region = 'eu-west-1' GROUP BY name;

-- name: a pattern of regions within query('…')
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListEndpoints eu-*
-- rows: [3]
SELECT * FROM query('SELECT count(*) FROM aws.sagemaker.endpoints WHERE region LIKE ''eu-%''');

-- name: a region within query('…') is pushed
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListEndpoints eu-west-1
-- rows: [3]
SELECT * FROM query('SELECT count(*) FROM aws.sagemaker.endpoints WHERE region = ''eu-west-1''');

-- name: a pattern of regions on a table named by a text
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListEndpoints eu-*
-- rows: [3]
SELECT count(*) FROM query_table('aws.sagemaker.endpoints') WHERE region LIKE 'eu-%';

-- name: regions from a local table
-- setup: CREATE OR REPLACE TABLE homes AS SELECT 'eu-west-1' AS home
-- calls: ListEndpoints *
-- rows: [3]
SELECT count(*) FROM aws.sagemaker.endpoints JOIN homes ON region = home;

-- name: a region in an aggregate
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListEndpoints *
-- rows: [3]
SELECT count(*) FILTER (WHERE region = 'eu-west-1') FROM aws.sagemaker.endpoints;

-- name: a region above a limit
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListEndpoints *
-- rows: ["search", "eu-west-1"], ["support", "eu-west-1"], ["redaction", "eu-west-1"]
SELECT * FROM (SELECT endpoint_name, region FROM aws.sagemaker.endpoints ORDER BY region LIMIT 5) WHERE region = 'eu-west-1';

-- name: a comparison with a region in the select list
-- setup: SET sqlprov_regions = 'us-west-2'
-- calls: ListEndpoints *
-- rows: ["search", true], ["support", true], ["redaction", true], ["search", false], ["payments-fraud", false],
--       ["churn", false], ["pricing", false], ["search", false], ["moderation", false], ["forecast", false]
SELECT endpoint_name, region = 'eu-west-1' FROM aws.sagemaker.endpoints;

-- name: an expression over regions keeps the name that DuckDB gives it
-- params: ["eu-%"]
-- calls: ListInferenceExperiments eu-*
--  ListModels eu-*
-- rows: [true, 3]
SELECT EXISTS(SELECT 1 FROM aws.sagemaker.models WHERE region LIKE 'eu-%'),
    (SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region LIKE ?);

-- name: a column of a local snapshot keeps its name too
-- calls: ListInferenceExperiments eu-*
-- then: SELECT column_name FROM (DESCRIBE counted)
-- rows: ["COALESCE((SELECT count_star() FROM aws.sagemaker.inference_experiments WHERE (region ~~ 'eu-%')), 0)"]
CREATE OR REPLACE TABLE counted AS
SELECT coalesce((SELECT count(*) FROM aws.sagemaker.inference_experiments WHERE region LIKE 'eu-%'), 0);
