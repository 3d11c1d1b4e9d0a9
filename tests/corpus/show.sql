-- name: the providers
-- explain: no
-- calls: none
-- count: 1
SHOW PROVIDERS;

-- name: the providers in full by a pattern
-- explain: no
-- calls: none
-- count: 1
SHOW EXTENDED PROVIDERS LIKE 'a%';

-- name: a service in full
-- explain: no
-- calls: none
-- count: 1
SHOW EXTENDED SERVICES IN aws LIKE 'sagemaker';

-- name: a service of a provider
-- explain: no
-- calls: none
-- rows: ["aws.sagemaker", "sagemaker", "Amazon SageMaker"]
SHOW SERVICES IN aws LIKE 'sagemaker';

-- name: the services by a pattern
-- explain: no
-- calls: none
-- rows: ["aws.sagemaker", "sagemaker", "Amazon SageMaker"]
SHOW SERVICES IN aws LIKE 'sagemake_';

-- name: a pattern that no service matches
-- explain: no
-- calls: none
-- rows:
SHOW SERVICES IN aws LIKE 'sage';

-- name: the resources of a service
-- explain: no
-- calls: none
-- in order: ["dead_letter_source_queues", "aws.sqs.dead_letter_source_queues"], ["message_move_tasks", "aws.sqs.message_move_tasks"], ["queues", "aws.sqs.queues"]
SHOW RESOURCES IN aws.sqs;

-- name: the tables of a service as a relation
-- explain: no
-- calls: none
-- in order: ["endpoint_configs", "aws.sagemaker.endpoint_configs"], ["endpoints", "aws.sagemaker.endpoints"],
--           ["inference_experiments", "aws.sagemaker.inference_experiments"], ["models", "aws.sagemaker.models"]
SELECT "table", provider || '.' || service || '.' || "table" FROM sqlprov.tables
WHERE service = 'sagemaker' AND "table" IN ('endpoints', 'endpoint_configs', 'inference_experiments', 'models')
ORDER BY ALL;

-- name: the resources by a pattern
-- explain: no
-- calls: none
-- in order: ["endpoint_configs", "aws.sagemaker.endpoint_configs"], ["endpoints", "aws.sagemaker.endpoints"]
SHOW RESOURCES IN aws.sagemaker LIKE 'endpoint%';

-- name: the resources in full
-- explain: no
-- calls: none
-- rows: ["models", "aws.sagemaker.models", "AWS::SageMaker::Model",
--        "Containers and artifacts that an endpoint can serve.",
--        "create_resource, delete_resource, list_resources, get_resource"]
SHOW EXTENDED RESOURCES IN aws.sagemaker LIKE 'models';

-- name: the methods of a resource as the seed lists them
-- explain: no
-- calls: none
-- in order: ["create_resource", "Name, Type, RoleArn, EndpointName, ModelVariants, ShadowModeConfig, region", "INSERT"],
--           ["delete_resource", "data__Identifier, region", "DELETE"],
--           ["update_resource", "data__Identifier, data__PatchDocument, region", "UPDATE"],
--           ["list_resources", "region", "SELECT"], ["get_resource", "data__Identifier, region", "SELECT"],
--           ["start", "Name, region", "EXEC"], ["stop", "Name, ModelVariantActions, region", "EXEC"]
SHOW METHODS IN aws.sagemaker.inference_experiments;

-- name: the methods in full
-- explain: no
-- calls: none
-- rows: ["list_resources", "region", "SELECT", "Calls ListModels.", "ListModels", "sagemaker:ListModels"]
SHOW EXTENDED METHODS IN aws.sagemaker.models LIKE 'list%';

-- name: the methods of a table after USE
-- explain: no
-- setup: USE aws.sagemaker
-- calls: none
-- rows: ["get_resource", "data__Identifier, region", "SELECT"]
SHOW METHODS IN endpoints LIKE 'get%';

-- name: a setting that was changed
-- explain: no
-- setup: SET sqlprov_concurrency = 4
-- calls: none
-- rows: ["sqlprov_concurrency", "4", "auto", "Maximum calls in flight for one statement: 1 to 256, or auto, which starts at 16 and rises to 64 while no call is throttled."]
SHOW SETTINGS LIKE '%concurrency';

-- name: a setting by its name
-- explain: no
-- setup: SET sqlprov_on_error = 'warn'; RESET sqlprov_on_error
-- calls: none
-- count: 1
SHOW sqlprov_on_error;

-- name: a setting by a pattern with an escaped underscore
-- explain: no
-- calls: none
-- count: 1
SHOW SETTINGS LIKE 'sqlprov\_on\_error';

-- name: the columns of a table
-- explain: no
-- calls: none
-- count: 16
DESCRIBE aws.sagemaker.models;

-- name: the columns of a table in full
-- explain: no
-- calls: none
-- count: 24
DESCRIBE EXTENDED aws.sagemaker.inference_experiments;

-- name: the columns of the table of regions
-- explain: no
-- calls: none
-- rows: ["region", "VARCHAR", "Name of the region, such as us-east-1."],
--  ["partition", "VARCHAR", "Partition it belongs to, such as aws, aws-cn or aws-us-gov; credentials are of one partition."],
--  ["description", "VARCHAR", "Its full name, such as US East (N. Virginia)."],
--  ["opt_in_status", "VARCHAR", "Whether the session's own account has enabled it, such as ENABLED, ENABLED_BY_DEFAULT or DISABLED; NULL until a statement in this session has asked AWS."]
DESCRIBE aws.regions;

-- name: the table of regions has no methods
-- explain: no
-- calls: none
-- count: 0
SHOW METHODS IN aws.regions;

-- name: the table of regions cannot be written
-- error: NotSupportedError: botocore's list
DELETE FROM aws.regions WHERE region = 'us-east-1';

-- name: DESCRIBE of a query is DuckDB's
-- explain: no
-- calls: none
-- rows: ["status", "VARCHAR", "YES", null, null, null]
DESCRIBE SELECT status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1';

-- name: a service that does not exist is an error
-- explain: no
-- error: UnknownName: sagemaker
SHOW RESOURCES IN aws.sagemakr;

-- name: a table that does not exist has no methods
-- explain: no
-- error: UnknownName: inference_experiments
SHOW METHODS IN aws.sagemaker.inference_experimnts;

-- name: a noun that does not exist is an error
-- explain: no
-- error: MalformedSQL: SERVICES
SHOW SERVICS IN aws;
