-- name: the longest run of a pattern narrows
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "xgboost"}
-- rows: ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name LIKE 'fraud_xgboost%';

-- name: a pattern at the end narrows
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "-relevance"}
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments AS e WHERE e.region = 'us-east-1' AND e.name LIKE '%-relevance';

-- name: of several patterns the longest run narrows
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "relevance"}
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1' AND name LIKE 'sea%' AND contains(name, 'relevance') AND starts_with(name, 's');

-- name: a parameter as a pattern narrows
-- params: {"like": "%boost%"}
-- calls: ListInferenceExperiments us-east-1 {"NameContains": "boost"}
-- rows: ["fraud-xgboost-17"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name LIKE $like;

-- name: NOT LIKE does not narrow
-- calls: ListInferenceExperiments us-west-2
-- rows: ["demand-forecast"], ["image-moderation"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND name NOT LIKE '%relevance%';

-- name: ILIKE does not narrow
-- calls: ListInferenceExperiments us-east-1
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name ILIKE '%RELEVANCE%';

-- name: LIKE under OR does not narrow
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"], ["demand-forecast"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND (name LIKE '%relevance%' OR status = 'Completed');

-- name: a pattern of characters that the service refuses does not narrow
-- calls: ListInferenceExperiments us-east-1
-- count: 0
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND name LIKE '%.%';

-- name: another column with the same name does not narrow
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"]
SELECT name FROM (SELECT status AS name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2') AS x
RIGHT JOIN (SELECT 'search-relevance' AS name) AS y USING (name) WHERE name LIKE '%relevance%';

-- name: LIKE on one of two references does not narrow the other
-- calls: ListInferenceExperiments us-west-2
--        ListInferenceExperiments us-west-2
-- rows: ["search-relevance", 3]
SELECT a.name, (SELECT count(*) FROM aws.sagemaker.inference_experiments b WHERE b.region = 'us-west-2')
FROM aws.sagemaker.inference_experiments a WHERE a.region = 'us-west-2' AND a.name LIKE '%relevance%';

-- name: LIKE beside a join narrows the table of its column
-- calls: ListInferenceExperiments us-west-2 {"NameContains": "relevance"}
--        ListEndpoints us-west-2
-- rows: ["search-relevance", 3]
SELECT e.name, count(p.endpoint_name) FROM aws.sagemaker.inference_experiments e LEFT JOIN aws.sagemaker.endpoints p
    ON e.region = p.region WHERE e.region = 'us-west-2' AND e.name LIKE '%relevance%' GROUP BY ALL;

-- name: LIKE on the second table of a left join narrows it
-- calls: ListInferenceExperiments us-west-2
--        ListEndpoints us-west-2 {"NameContains": "search"}
-- rows: ["search", 3]
SELECT p.endpoint_name, count(*) FROM aws.sagemaker.inference_experiments e LEFT JOIN aws.sagemaker.endpoints p
    ON e.region = p.region WHERE e.region = 'us-west-2' AND p.endpoint_name LIKE '%search%' GROUP BY ALL;

-- name: LIKE above a star narrows
-- calls: ListInferenceExperiments us-west-2 {"NameContains": "relevance"}
-- rows: ["search-relevance"]
SELECT name FROM (SELECT * FROM aws.sagemaker.inference_experiments) AS t
WHERE region = 'us-west-2' AND name LIKE '%relevance%';

-- name: LIKE above a star with further columns narrows
-- calls: ListInferenceExperiments us-west-2 {"NameContains": "relevance"}
-- rows: ["search-relevance", "search-relevance"]
SELECT name, Identifier FROM (SELECT *, data__Identifier AS Identifier FROM aws.sagemaker.inference_experiments) AS t
WHERE region = 'us-west-2' AND name LIKE '%relevance%';

-- name: LIKE above a star that replaces a column does not narrow
-- calls: ListInferenceExperiments us-west-2
-- rows: ["Starting"]
SELECT name FROM (SELECT * REPLACE (status AS name) FROM aws.sagemaker.inference_experiments) AS t
WHERE region = 'us-west-2' AND name LIKE '%tarting%';

-- name: LIKE above a LIMIT does not narrow
-- calls: ListInferenceExperiments us-west-2
-- count: 1
SELECT name FROM (SELECT * FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' ORDER BY name LIMIT 9)
WHERE name LIKE '%relevance%';

-- name: LIKE on a listed column saves calls for the rows
-- calls: ListInferenceExperiments us-west-2 {"NameContains": "relevance"}
--        DescribeInferenceExperiment us-west-2 each row x 1
-- rows: ["search-relevance", "search"]
SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND name LIKE '%relevance%' AND status LIKE 'Start%';

-- name: LIKE beside a view of the same table does not narrow
-- setup: CREATE OR REPLACE VIEW liked AS SELECT * FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
--        ListInferenceExperiments us-west-2
-- rows: [3, 1]
SELECT (SELECT count(*) FROM liked), count(*) FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND name LIKE '%relevance%';

-- name: LIKE above a window does not narrow the rows that the window counts
-- setup: SET sqlprov_regions = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance", 3]
SELECT name, n FROM (SELECT *, count(*) OVER () AS n FROM aws.sagemaker.inference_experiments) AS t
WHERE name LIKE '%relevance%';

-- name: LIKE on the table of an ASOF JOIN does not narrow its rows
-- setup: SET sqlprov_regions = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
-- count: 0
SELECT e.name FROM (SELECT TIMESTAMPTZ '2025-06-30' AS at) AS x
ASOF JOIN aws.sagemaker.inference_experiments e ON x.at >= e.creation_time
WHERE e.name LIKE '%moderation%';

-- name: LIKE beside a POSITIONAL JOIN does not narrow
-- setup: SET sqlprov_regions = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
-- count: 1
SELECT e.name FROM aws.sagemaker.inference_experiments e POSITIONAL JOIN (SELECT unnest([1, 2, 3]) AS n) AS x
WHERE e.name LIKE '%relevance%';

-- name: LIKE with ESCAPE does not narrow
-- calls: ListInferenceExperiments us-west-2
-- rows: ["search-relevance"]
SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND name LIKE '%relexvance%' ESCAPE 'x';

-- name: a macro with the name of a text function replaces the function
-- setup: CREATE OR REPLACE TEMP MACRO contains(a, b) AS a NOT LIKE '%' || b || '%'
-- calls: ListInferenceExperiments us-west-2
-- rows: ["demand-forecast"], ["image-moderation"]
SELECT name FROM aws.sagemaker.inference_experiments
WHERE region = 'us-west-2' AND contains /* hidden by this */ (name, 'relevance');

-- name: LIKE on a renamed column narrows by the column that it is
-- calls: ListInferenceExperiments us-west-2 {"NameContains": "relevance"}
-- rows: ["search-relevance"]
SELECT status FROM (SELECT name AS status, status AS name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2')
WHERE status LIKE '%relevance%';

-- name: LIKE on a sample does not narrow the rows that are sampled
-- setup: SET sqlprov_regions = 'us-west-2'
-- calls: ListInferenceExperiments us-west-2
-- count: 1
SELECT name FROM (SELECT * FROM aws.sagemaker.inference_experiments USING SAMPLE 3 ROWS) WHERE name LIKE '%relevance%';

-- name: LIKE in a view narrows
-- setup: CREATE OR REPLACE VIEW narrow AS FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' AND name LIKE '%relevance%'
-- calls: ListInferenceExperiments us-west-2 {"NameContains": "relevance"}
-- rows: ["search-relevance"]
SELECT name FROM narrow WHERE name LIKE 'search%';
