-- name: rows are counted by status
-- calls: ListInferenceExperiments us-east-1,eu-west-1,us-west-2
-- rows: ["Running", 3], ["Completed", 3], ["Cancelled", 1], ["Created", 1], ["Creating", 1], ["Stopping", 1],
--       ["Updating", 1], ["Starting", 1]
SELECT status, count(*) FROM aws.sagemaker.inference_experiments
WHERE region IN ('us-east-1', 'eu-west-1', 'us-west-2') GROUP BY status;

-- name: HAVING chooses groups
-- calls: ListInferenceExperiments us-east-1,eu-west-1,us-west-2
-- in order: ["Completed", 3], ["Running", 3]
SELECT status, count(*) FROM aws.sagemaker.inference_experiments
WHERE region IN ('us-east-1', 'eu-west-1', 'us-west-2') GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL;

-- name: the first and the last
-- calls: ListInferenceExperiments us-east-1
-- rows: ["2025-03-03T15:20:10.500Z", "2025-05-31T22:15:37.640Z", "churn-transformer", 6]
SELECT min(creation_time), max(creation_time), arg_min(name, creation_time), count(DISTINCT name)
FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: a filtered aggregate
-- calls: ListInferenceExperiments us-east-1
-- rows: [6, 2]
SELECT count(*), count(*) FILTER (WHERE status = 'Running') FROM aws.sagemaker.inference_experiments
WHERE region = 'us-east-1';

-- name: values are gathered into a list
-- calls: ListEndpoints us-west-2
-- rows: [["forecast", "moderation", "search"]]
SELECT list(endpoint_name ORDER BY endpoint_name) FROM aws.sagemaker.endpoints WHERE region = 'us-west-2';

-- name: an aggregate of no rows
-- calls: ListInferenceExperiments eu-west-1 {"StatusEquals": "Running"}
-- rows: [0, null]
SELECT count(*), max(name) FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1' AND status = 'Running';

-- name: grouping sets
-- calls: ListEndpoints us-east-1,us-west-2
-- rows: ["us-east-1", 4], ["us-west-2", 3], [null, 7]
SELECT region, count(*) FROM aws.sagemaker.endpoints WHERE region IN ('us-east-1', 'us-west-2') GROUP BY ROLLUP (region);

-- name: a described column is summed
-- calls: ListInferenceExperiments us-east-1
--        DescribeInferenceExperiment us-east-1 each row x 6
-- rows: ["churn", 60], ["payments-fraud", 150], ["pricing", 25], ["search", 40]
SELECT endpoint_name, sum(shadow_mode_config.ShadowModelVariants[1].SamplingPercentage)
FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' GROUP BY endpoint_name;

-- name: SUMMARIZE of a query
-- setup: SET sqlprov_regions = 'us-east-1'
-- calls: ListEndpoints us-east-1
-- rows: ["endpoint_name", "churn", "search", 4], ["endpoint_status", "InService", "Updating", 4]
SELECT column_name, min, max, count FROM (SUMMARIZE SELECT endpoint_name, endpoint_status FROM aws.sagemaker.endpoints);

-- name: PIVOT with IN
-- calls: ListInferenceExperiments us-east-1,us-west-2
-- rows: ["us-east-1", 2, 1], ["us-west-2", 1, 1]
PIVOT (SELECT region, status FROM aws.sagemaker.inference_experiments WHERE region IN ('us-east-1', 'us-west-2'))
ON status IN ('Running', 'Completed') USING count(*) GROUP BY region;

-- name: PIVOT in SQL's own spelling
-- calls: ListEndpoints eu-west-1
-- rows: [1, 2]
SELECT InService, Updating FROM (SELECT endpoint_status FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1')
PIVOT (count(*) FOR endpoint_status IN ('InService', 'Updating'));

-- name: PIVOT without IN is read without being explained
-- explain: no
-- rows: ["eu-west-1", 1, 2]
PIVOT (SELECT region, endpoint_status FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1')
ON endpoint_status USING count(*);

-- name: EXPLAIN of PIVOT without IN is refused with advice
-- explain: no
-- error: NotSupportedError: Name them, as in PIVOT t ON status IN
EXPLAIN PIVOT (SELECT region, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1') ON status;

-- name: UNPIVOT
-- calls: DescribeInferenceExperiment us-west-2 {"Name": "demand-forecast"}
-- rows: ["creation_time", "2025-02-10T06:00:00Z"], ["completion_time", "2025-02-17T06:11:54.662Z"]
UNPIVOT (SELECT creation_time, completion_time FROM aws.sagemaker.inference_experiments
         WHERE region = 'us-west-2' AND name = 'demand-forecast')
ON creation_time, completion_time;
