-- Resources without a team tag. Run it with: sqlprov exec --local -f examples/untagged.sql
SET sqlprov_regions = 'us-east-1,eu-west-1,us-west-2';

CREATE TEMP TABLE tagged AS
    SELECT 'model' AS kind, region, model_name AS name, tags, tag_map FROM aws.sagemaker.models
    UNION ALL SELECT 'endpoint', region, endpoint_name, tags, tag_map FROM aws.sagemaker.endpoints
    UNION ALL SELECT 'endpoint config', region, endpoint_config_name, tags, tag_map FROM aws.sagemaker.endpoint_configs
    UNION ALL SELECT 'experiment', region, name, tags, tag_map FROM aws.sagemaker.inference_experiments;

SELECT kind, count(*) AS resources, count(*) FILTER (tag_map['team'] IS NULL) AS untagged
FROM tagged GROUP BY kind ORDER BY kind;

SELECT tag.Key AS key, tag.Value AS value, count(*) AS resources
FROM (SELECT unnest(tags) AS tag FROM tagged) GROUP BY ALL ORDER BY resources DESC, key, value LIMIT 5;
