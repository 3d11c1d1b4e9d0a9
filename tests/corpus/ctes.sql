-- name: a CTE is used once
-- calls: ListInferenceExperiments us-east-1 {"StatusEquals": "Running"}
-- rows: ["search-relevance"], ["fraud-xgboost-17"]
WITH running AS (SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' AND status = 'Running')
SELECT name FROM running;

-- name: a condition outside of a CTE is pushed into it
-- calls: ListInferenceExperiments eu-west-1 {"StatusEquals": "Stopping"}
-- rows: ["support-triage"]
WITH every AS (SELECT name, status, region FROM aws.sagemaker.inference_experiments)
SELECT name FROM every WHERE region = 'eu-west-1' AND status = 'Stopping';

-- name: a CTE that is used twice is scanned once
-- calls: ListInferenceExperiments us-west-2
-- rows: ["image-moderation", "demand-forecast"], ["search-relevance", "demand-forecast"],
--       ["search-relevance", "image-moderation"]
WITH west AS MATERIALIZED (SELECT name, creation_time FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2')
SELECT a.name, b.name FROM west a JOIN west b ON a.creation_time > b.creation_time;

-- name: a CTE that is used twice with different regions is read for both
-- calls: ListInferenceExperiments us-east-1
--        ListInferenceExperiments us-west-2
-- rows: ["search-relevance", "Running", "Starting"]
WITH every AS NOT MATERIALIZED (SELECT name, status, region FROM aws.sagemaker.inference_experiments)
SELECT e.name, e.status, w.status FROM every e JOIN every w USING (name)
WHERE e.region = 'us-east-1' AND w.region = 'us-west-2';

-- name: a CTE that reads another CTE
-- calls: ListInferenceExperiments us-east-1
-- rows: ["Running", 2]
WITH listed AS (SELECT status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'),
     counted AS (SELECT status, count(*) AS n FROM listed GROUP BY status)
SELECT status, n FROM counted WHERE n > 1;

-- name: an unused CTE makes no call
-- calls: none
-- rows: [1]
WITH unused AS (SELECT * FROM aws.sagemaker.models WHERE region = 'us-east-1') SELECT 1;

-- name: a CTE with the name of a table hides it
-- calls: none
-- rows: ["local"]
WITH models AS (SELECT 'local' AS model_name) SELECT model_name FROM models;

-- name: a CTE with the name of the live table it reads
-- calls: ListEndpoints us-west-2
-- rows: ["search"], ["moderation"], ["forecast"]
WITH endpoints AS (SELECT endpoint_name FROM aws.sagemaker.endpoints WHERE region = 'us-west-2')
SELECT endpoint_name FROM endpoints;

-- name: a recursive CTE reads the table once
-- calls: ListInferenceExperiments us-east-1
-- in order: ["fraud-lightgbm", 1], ["search-relevance", 2], ["fraud-xgboost-17", 3]
WITH RECURSIVE listed AS MATERIALIZED
       (SELECT name, creation_time AS t FROM aws.sagemaker.inference_experiments
        WHERE region = 'us-east-1' AND status IN ('Running', 'Completed')),
     chain AS (SELECT name, t, 1 AS step FROM listed WHERE t = (SELECT min(t) FROM listed)
               UNION ALL
               SELECT l.name, l.t, step + 1 FROM chain c, listed l
               WHERE l.t = (SELECT min(t) FROM listed WHERE t > c.t))
SELECT name, step FROM chain ORDER BY step;
