"""What follows from a line: one table of lines, each with a question and its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from sqlprov.catalog.column import Column, TagSpelling
from sqlprov.catalog.columns import TAGS_TYPE
from sqlprov.catalog.read_calls import PageToken
from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError

INSTANCES = "list: DescribeInstances, rows: Reservations.Instances, key: instance_id"
ATTRIBUTES = "{call: GetQueueAttributes, send: {AttributeNames: [All]}, pairs: Attributes}"
QUEUES = f"list: ListQueues, key: queue_url, describe: {ATTRIBUTES}"
KEY_TAGS = "{call: ListResourceTags, argument: KeyId, items: Tags, column: key_id}"
LOAD_BALANCER_TAGS = "{call: DescribeTags, argument: ResourceArns, items: TagDescriptions.Tags}"
JOB = "'arn:aws:glue:{region}:{account_id}:job/{name}'"
JOB_TAGS = f"{{call: GetTags, argument: ResourceArn, items: Tags, column: {JOB}}}"
ROLES = "list: ListRoles, key: role_name, describe: GetRole, lacks: [tags, role_last_used]"
VERSIONING = "list: GetBucketVersioning, rows: ., each: {Bucket: [a, b]}, key: bucket"
POLICY = "list: GetAccountPasswordPolicy, key: account_id"
CLUSTERS = "list: ListClusters, key: cluster_arn, describe: DescribeClusters, batch: 100"
NODES = (
    "list: ListClusterNodes, each: {ClusterName: clusters.cluster_name}, key: [cluster_name, node_logical_id]"
)
ENDPOINTS = "list: ListEndpoints, key: endpoint_name"
APPS = "list: ListApps, key: [domain_id, app_type, app_name], describe: DescribeApp"
REPORTS = "list: ListReportGroups, key: report_group_arn, describe: BatchGetReportGroups, batch: 100"

EXPERIMENTS = "list: ListExperiments, key: experiment_name, describe: DescribeExperiment"
DOMAINS = "list: ListDomains, key: domain_id, describe: DescribeDomain"
PACKAGES = (
    "list: ListModelPackages, key: model_package_arn, "
    "describe: {call: DescribeModelPackage, arguments: {ModelPackageName: model_package_arn}}"
)

Question = Callable[[Table], Any]


def names(table: Table, source: str = "") -> list[str]:
    return [column.name for column in table.columns if source in ("", column.source.value)]


def tags(table: Table) -> Column:
    return table.by_name["tags"]


def created(table: Table) -> Any:
    """What the key is made from: the reply of the create, and its parameters."""
    create = table.by_method["create_resource"]
    return create.returns, [part.name for part in create.parameters if part.column in table.key]


LINES: list[tuple[str, str, Question, Any]] = [
    # rows
    ("ec2", INSTANCES, lambda t: (t.list.rows, t.list.may_omit_rows), (("Reservations", "Instances"), True)),
    ("ec2", "list: DescribeVolumes, key: volume_id", lambda t: t.list.rows, ("Volumes",)),
    ("cloudfront", "list: ListDistributions, key: id", lambda t: t.list.rows, ("DistributionList", "Items")),
    ("s3", VERSIONING, lambda t: (t.list.rows, names(t)[:3]), ((), ["bucket", "status", "mfa_delete"])),
    ("iam", POLICY, lambda t: (t.list.rows, t.list.single), (("PasswordPolicy",), True)),
    ("sqs", QUEUES, lambda t: (t.list.scalar, t.by_name["queue_url"].path), ("queue_url", ("queue_url",))),
    ("sagemaker", ENDPOINTS, lambda t: t.list.may_omit_rows, False),
    # members of a map
    ("sns", "list: ListTopics, key: topic_arn, describe: GetTopicAttributes, columns: "
     "{subscriptions_pending: {path: Attributes.SubscriptionsPending, type: integer}}",
     lambda t: [(c.name, c.path, str(c.type), c.description) for c in t.columns if c.path[:1] == ("Attributes",)],
     [("attributes", ("Attributes",), "map<string, string>", "A map of the topic's attributes."),
      ("subscriptions_pending", ("Attributes", "SubscriptionsPending"), "int64",
       "The number of subscriptions pending confirmation for the topic.")]),
    ("sqs", QUEUES, lambda t: t.by_name["policy"].description, "Returns the policy of the queue."),
    # paging
    ("s3", "list: ListObjects, each: {Bucket: [a]}, key: [bucket, key]", lambda t: (t.list.tokens, t.list.more),
     ((PageToken("Marker", "NextMarker || Contents[-1].Key"),), "IsTruncated")),
    ("route53", "list: ListResourceRecordSets, each: {HostedZoneId: [a]}, key: [hosted_zone_id, name]",
     lambda t: [token.parameter for token in t.list.tokens],
     ["StartRecordName", "StartRecordType", "StartRecordIdentifier"]),
    ("route53", "list: ListTrafficPolicies, key: id", lambda t: (t.list.tokens, t.list.more),
     ((PageToken("TrafficPolicyIdMarker", "TrafficPolicyIdMarker"),), "IsTruncated")),
    ("cloudfront", "list: ListFunctions, rows: FunctionList.Items, key: name", lambda t: (t.list.tokens, t.list.more),
     ((PageToken("Marker", "FunctionList.NextMarker"),), "")),
    ("cloudfront", "list: ListVpcOrigins, rows: VpcOriginList.Items, key: id", lambda t: (t.list.tokens, t.list.more),
     ((PageToken("Marker", "VpcOriginList.NextMarker"),), "VpcOriginList.IsTruncated")),
    ("firehose", "list: ListDeliveryStreams, key: delivery_stream_name, "
     "page: {ExclusiveStartDeliveryStreamName: 'DeliveryStreamNames[-1]'}", lambda t: (t.list.tokens, t.list.more),
     ((PageToken("ExclusiveStartDeliveryStreamName", "DeliveryStreamNames[-1]"),), "HasMoreDeliveryStreams")),
    ("sagemaker", ENDPOINTS, lambda t: (t.list.page_size_parameter, t.list.page_size), ("MaxResults", 100)),
    ("sagemaker", "list: ListFeatureGroups, key: feature_group_name, describe: DescribeFeatureGroup",
     lambda t: (t.describe and (t.describe.tokens, t.describe.paged), "next_token" in names(t)),
     (((PageToken("NextToken", "NextToken"),), "FeatureDefinitions"), False)),
    ("sagemaker", "list: ListEdgeDeploymentPlans, key: edge_deployment_plan_name, describe: DescribeEdgeDeploymentPlan",
     lambda t: [name for name in ("model_configs", "stages", "next_token") if name in names(t)], []),
    ("iam", "list: ListGroups, key: group_name, describe: GetGroup", lambda t: t.describe and t.describe.tokens, ()),
    # parents and constants
    ("s3", VERSIONING, lambda t: t.list.parents[0].values, ("a", "b")),
    ("wafv2", "list: ListIPSets, each: {Scope: enum}, key: [scope, id]",
     lambda t: (t.list.parents[0].values, t.list.tokens[0].expression), (("CLOUDFRONT", "REGIONAL"), "NextMarker")),
    ("quicksight", "list: ListDataSets, each: {AwsAccountId: account_id}, key: data_set_id",
     lambda t: (t.list.parents[0].is_account, names(t, "parent")), (True, ["aws_account_id"])),
    ("ec2", "list: DescribeImages, send: {Owners: self, IncludeDeprecated: true}, key: image_id",
     lambda t: t.list.send, {"Owners": ["self"], "IncludeDeprecated": True}),
    ("iam", "list: ListPolicies, send: {Scope: Local}, key: arn",
     lambda t: [each.parameter for each in t.list.filters], ["PathPrefix"]),
    # describe
    ("sagemaker", APPS, lambda t: list(t.describe.arguments.items())[:3],
     [("DomainId", "domain_id"), ("AppType", "app_type"), ("AppName", "app_name")]),
    ("sagemaker", APPS, lambda t: "(domain_id|app_type|app_name)" in t.by_name["data__Identifier"].description, True),
    ("iam", ROLES, lambda t: (t.describe.item, t.describe.arguments), (("Role",), {"RoleName": "role_name"})),
    ("iam", ROLES, lambda t: names(t, "describe"), ["tags", "role_last_used"]),
    ("iam", "list: ListPolicies, key: arn, describe: GetPolicy", lambda t: t.describe.arguments, {"PolicyArn": "arn"}),
    ("ecs", CLUSTERS, lambda t: (t.describe.batch, t.describe.item), (100, ("clusters",))),
    ("codebuild", REPORTS, lambda t: t.describe.paths["report_group_arn"], ("arn",)),
    ("autoscaling", "list: DescribePolicies, key: policy_name, arguments: {PolicyNames: policy_name}",
     lambda t: (t.describe, t.list.arguments, t.list.batch), (None, {"PolicyNames": "policy_name"}, 100)),
    ("ec2", INSTANCES, lambda t: (t.list.arguments, t.list.batch), ({"InstanceIds": "instance_id"}, 100)),
    ("ec2", f"{INSTANCES}, arguments: {{}}", lambda t: t.list.arguments, {}),
    ("rds", "list: DescribeDBInstances, key: db_instance_identifier",
     lambda t: (t.list.arguments, t.list.batch), ({"DBInstanceIdentifier": "db_instance_identifier"}, 0)),
    ("elbv2", "list: DescribeTargetGroups, key: target_group_arn", lambda t: t.list.arguments,
     {"TargetGroupArns": "target_group_arn"}),
    ("ecs", CLUSTERS, lambda t: t.list.arguments, {}),
    ("ec2", "list: DescribeFleetInstances, each: {FleetId: [a]}, key: instance_id", lambda t: t.list.arguments, {}),
    ("sqs", QUEUES, lambda t: (t.describe.pairs, t.describe.item, t.describe.paths["queue_arn"]),
     (True, ("Attributes",), ("QueueArn",))),
    ("sqs", QUEUES, lambda t: (t.describe.send, t.by_name["delay_seconds"].type),
     ({"AttributeNames": ["All"]}, pa.string())),
    ("sqs", f"{QUEUES}, columns: {{delay_seconds: integer}}", lambda t: t.by_name["delay_seconds"].type, pa.int64()),
    ("sagemaker", ENDPOINTS, lambda t: [method.name for method in t.methods], ["list_resources"]),
    ("route53", "list: ListHostedZones, key: id, describe: GetHostedZone",
     lambda t: (t.describe.beside, t.describe.paths["vpcs"]), (("DelegationSet", "VPCs"), ("VPCs",))),
    ("codepipeline", "list: ListPipelines, key: name, describe: GetPipeline, columns: {created: metadata.created}",
     lambda t: (t.describe.beside, t.by_name["created"].path), (("metadata",), ("metadata", "created"))),
    ("iam", "list: ListGroups, key: group_name, describe: GetGroup", lambda t: t.describe.beside, ()),
    # further calls
    ("s3", "list: ListBuckets, key: name, region: bucket_region, "
     "also: {policy: {call: GetBucketPolicy, columns: {policy: Policy}, absent: [NoSuchBucketPolicy]}}",
     lambda t: (t.extras["policy"].arguments, t.extras["policy"].absent[0].code, t.by_name["policy"].extra, t.home),
     ({"Bucket": "name"}, "NoSuchBucketPolicy", "policy", "us-east-1")),
    # the order of columns
    ("elbv2", "list: DescribeLoadBalancers, key: load_balancer_arn", lambda t: names(t)[:4],
     ["load_balancer_name", "load_balancer_arn", "state", "dns_name"]),
    ("elbv2", "list: DescribeLoadBalancers, key: load_balancer_arn, order: [dns_name]", lambda t: names(t)[:2],
     ["dns_name", "load_balancer_name"]),
    ("ecs", "list: ListServices, each: {cluster: [a]}, key: service_arn, describe: DescribeServices, batch: 10",
     lambda t: names(t)[:4], ["service_name", "service_arn", "status", "cluster"]),
    ("iam", "list: ListAccessKeys, each: {UserName: [a]}, key: [user_name, access_key_id]", lambda t: names(t)[:3],
     ["user_name", "access_key_id", "status"]),
    # tags
    ("ec2", INSTANCES, lambda t: (tags(t).type, tags(t).tags), (TAGS_TYPE, TagSpelling("Key", "Value"))),
    ("ecs", CLUSTERS, lambda t: (tags(t).type, tags(t).tags), (TAGS_TYPE, TagSpelling("key", "value"))),
    ("batch", "list: DescribeJobQueues, key: job_queue_arn",
     lambda t: (tags(t).type, tags(t).tags), (TAGS_TYPE, TagSpelling())),
    ("elasticbeanstalk", "list: DescribeApplications, key: application_arn", lambda t: "tags" in t.by_name, False),
    ("elbv2", f"list: DescribeTargetGroups, key: target_group_arn, tags: {LOAD_BALANCER_TAGS}",
     lambda t: (t.tags.build_parameters("arn:1"), t.tags.items, tags(t).type),
     ({"ResourceArns": ["arn:1"]}, "TagDescriptions.Tags", TAGS_TYPE)),
    ("kms", f"list: ListKeys, key: key_arn, tags: {KEY_TAGS}",
     lambda t: (t.tags.column, t.tags.spelling, t.tags.token_out),
     ("key_id", TagSpelling("TagKey", "TagValue"), "NextMarker")),
    ("glue", f"list: GetJobs, key: name, tags: {JOB_TAGS}",
     lambda t: (t.tags.list_columns(""), t.tags.fill("", {"region": "r", "account_id": "1", "name": "a"}.get)),
     (["region", "account_id", "name"], "arn:aws:glue:r:1:job/a")),
    # writes
    ("sagemaker", f"{EXPERIMENTS}, write: {{insert: CreateExperiment, delete: DeleteExperiment}}",
     lambda t: [(m.verb, m.call, m.until) for m in t.methods if m.verb != "SELECT"],
     [("INSERT", "CreateExperiment", ()), ("DELETE", "DeleteExperiment", ("missing",))]),
    ("sagemaker", "list: ListPipelines, key: pipeline_name, exec: {start: StartPipelineExecution}",
     lambda t: [(m.verb, m.required, m.tokens) for m in t.methods if m.name == "start"],
     [("EXEC", ("PipelineName", "region"), ("ClientRequestToken",))]),
    ("sagemaker", f"{DOMAINS}, write: {{insert: CreateDomain}}", created, ({"domain_id": ("DomainId",)}, [])),
    ("kms", "list: ListKeys, key: key_id, describe: DescribeKey, write: {insert: CreateKey}", created,
     ({"key_id": ("KeyMetadata", "KeyId")}, [])),
    ("ecs", f"{CLUSTERS}, write: {{insert: CreateCluster}}", created, ({"cluster_arn": ("cluster", "clusterArn")}, [])),
    ("sagemaker", f"{EXPERIMENTS}, write: {{insert: CreateExperiment}}", created, ({}, ["ExperimentName"])),
    ("sagemaker", f"{PACKAGES}, write: {{insert: CreateModelPackage, update: UpdateModelPackage}}", created,
     ({"model_package_arn": ("ModelPackageArn",)}, [])),
    ("sagemaker", "list: ListClusters, key: cluster_name, describe: DescribeCluster, write: {insert: CreateCluster}",
     lambda t: [rule.code for rule in t.errors.exists], ["ResourceInUse"]),
    ("sagemaker", "list: ListClusters, key: cluster_name, describe: DescribeCluster, write: {insert: CreateCluster}, "
     "errors: {exists: Taken}", lambda t: [rule.code for rule in t.errors.exists], ["Taken"]),
    ("logs", "list: DescribeLogGroups, key: log_group_name, write: {insert: CreateLogGroup}",
     lambda t: [rule.code for rule in t.errors.exists], ["ResourceAlreadyExistsException"]),
    ("logs", "list: DescribeLogGroups, key: log_group_name", lambda t: (t.created, t.paths["arn"]), ("", ("arn",))),
    ("sagemaker", EXPERIMENTS, lambda t: t.created, "creation_time"),
    ("iam", ROLES, lambda t: t.created, "create_date"),
    # names and defaults
    ("organizations", "list: ListDelegatedAdministrators, key: id", lambda t: t.home, "us-east-1"),
    ("lightsail", "list: GetDomains, key: name, region: us-east-1", lambda t: (t.home, t.region_column),
     ("us-east-1", "")),
    ("billing", "list: ListBillingViews, key: arn", lambda t: t.home, "us-east-1"),
    ("inspector2", "list: ListDelegatedAdminAccounts, key: resource_account_id", lambda t: names(t)[0],
     "resource_account_id"),
    ("iam", ROLES, lambda t: (t.arn, t.iam.prefix, t.client), ("arn", "iam", "iam")),
    ("iam", ROLES, lambda t: t.about, "Lists the IAM roles that have the specified path prefix."),
    ("iam", ROLES, lambda t: [rule.code for rule in t.errors.missing][:1], ["NoSuchEntity"]),
    ("iam", POLICY, lambda t: [rule.code for rule in t.errors.missing][:1], ["NoSuchEntity"]),
    ("sagemaker", ENDPOINTS, lambda t: (t.state.column, set(t.state.busy)),
     ("endpoint_status", {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})),
    ("backup", "list: ListBackupJobs, key: backup_job_id",
     lambda t: {each.parameter: (each.column, each.op.value) for each in t.list.filters},
     {"ByState": ("state", "="), "ByCreatedAfter": ("creation_date", ">"), "ByCreatedBefore": ("creation_date", "<"),
      "ByCompleteAfter": ("completion_date", ">"), "ByCompleteBefore": ("completion_date", "<"),
      "ByResourceArn": ("resource_arn", "="), "ByBackupVaultName": ("backup_vault_name", "="),
      "ByResourceType": ("resource_type", "="), "ByParentJobId": ("parent_job_id", "="),
      "ByMessageCategory": ("message_category", "=")}),
    ("textract", "list: ListAdapters, key: adapter_id", lambda t: [each.parameter for each in t.list.filters],
     ["AfterCreationTime", "BeforeCreationTime"]),
    ("transcribe", "list: ListTranscriptionJobs, key: transcription_job_name",
     lambda t: [(each.parameter, each.column) for each in t.list.filters], [("Status", "transcription_job_status")]),
    ("sagemaker", f"{ENDPOINTS}, filters: {{StatusEquals: ~, CreationTimeBefore: ~}}",
     lambda t: [each.parameter for each in t.list.filters],
     ["NameContains", "CreationTimeAfter", "LastModifiedTimeAfter", "LastModifiedTimeBefore"]),
    ("ec2", "list: DescribeVolumes, key: volume_id, filters: {size: ~}",
     lambda t: [(each.label, each.column) for each in t.list.filters],
     [("Filters.availability-zone", "availability_zone"), ("Filters.availability-zone-id", "availability_zone_id"),
      ("Filters.encrypted", "encrypted"), ("Filters.fast-restored", "fast_restored"),
      ("Filters.multi-attach-enabled", "multi_attach_enabled"), ("Filters.snapshot-id", "snapshot_id"),
      ("Filters.status", "state"), ("Filters.volume-id", "volume_id"), ("Filters.volume-type", "volume_type")]),
    # EC2 documents pending-fulfillment, and rows have pending_fulfillment.
    ("ec2", "list: DescribeFleets, key: fleet_id",
     lambda t: {f.name: f.constraint.enum for f in t.list.filters if "-s" in f.name or "excess" in f.name},
     {"activity-status": ("error", "pending-fulfillment", "pending-termination", "fulfilled"),
      "fleet-state": ("submitted", "active", "deleted", "failed", "deleted-running", "deleted-terminating",
                      "modifying")}),
    ("rds", "list: DescribeDBInstances, key: db_instance_identifier, filters: {dbi-resource-id: dbi_resource_id = ?}",
     lambda t: [(each.label, each.column, each.most) for each in t.list.filters],
     [("Filters.dbi-resource-id", "dbi_resource_id", 200)]),
    ("emr-containers", "list: ListVirtualClusters, key: id", lambda t: [f.label for f in t.list.filters if f.most],
     ["states"]),
    ("config", "list: DescribeConfigRules, key: config_rule_name, also: {remediation: "
     "{call: DescribeRemediationConfigurations, columns: {remediation: RemediationConfigurations}}}",
     lambda t: (t.extras["remediation"].arguments, *t.extras["remediation"].lists),
     ({"ConfigRuleNames": "config_rule_name"}, "ConfigRuleNames")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "words", "question", "answer"),
    LINES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_follows_from_a_line(
    service: str, words: str, question: Question, answer: Any, load_lines: Callable[..., Table]
) -> None:
    assert question(load_lines(service, f"some: {{{words}}}")) == answer


def test_a_parent_is_loaded_when_it_is_needed(load_lines: Callable[..., Table]) -> None:
    table = load_lines(
        "sagemaker", f"nodes: {{{NODES}}}", "clusters: {list: ListClusters, key: cluster_name}"
    )
    (parent,) = table.list.parents
    assert (parent.column, parent.table, parent.table_column) == ("cluster_name", "clusters", "cluster_name")
    assert parent.load and parent.load().name == "clusters"
    assert table.by_name["cluster_name"].source.value == "parent"


PROJECTS = "projects: {list: ListProjects, key: arn}"


def test_a_parent_is_renamed_beside_a_column_of_its_name(load_lines: Callable[..., Table]) -> None:
    runs = "runs: {list: ListRuns, each: {arn: projects.arn AS project_arn}, key: arn}"
    table = load_lines("devicefarm", runs, PROJECTS)
    (parent,) = table.list.parents
    assert (parent.parameter, parent.column, parent.table_column) == ("arn", "project_arn", "arn")
    assert [table.by_name[name].source.value for name in ("arn", "project_arn")] == ["list", "parent"]


def test_a_parent_is_renamed_to_the_name_of_a_column(load_lines: Callable[..., Table]) -> None:
    runs = "runs: {list: ListRuns, each: {arn: projects.arn AS ProjectArn}, key: arn}"
    with pytest.raises(
        ResourceFileError, match="'ProjectArn' is not the name of a column; expected 'project_arn'"
    ):
        load_lines("devicefarm", runs, PROJECTS)


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        ("list: ListClusters, key: cluster_arn", ""),
        ("list: ListClustrs, key: cluster_name", "sagemaker.yaml:4: unknown operation"),
        ("list: ListApps, key: app_name", "sagemaker.yaml:3: unknown column of clusters 'cluster_name'"),
        ("list: ListApps, each: {DomainIdEquals: nodes.instance_id}, key: app_name, columns: {cluster_name: AppName}",
         "sagemaker.yaml:3: clusters is itself listed for each row of nodes"),
    ],
)  # fmt: skip
def test_a_wrong_parent_is_refused_when_it_is_needed(
    clusters: str, message: str, load_lines: Callable[..., Table]
) -> None:
    table = load_lines("sagemaker", f"nodes: {{{NODES}}}", f"clusters: {{{clusters}}}")
    (parent,) = table.list.parents
    assert parent.load
    if not message:
        assert parent.load().name == "clusters"
        return
    with pytest.raises(ResourceFileError, match=message):
        parent.load()
