from __future__ import annotations

import pytest
from local_sagemaker import CATALOG

from sqlprov.catalog.sensitive import format_path


def list_sensitive(name: str) -> list[str]:
    table = CATALOG.get_table(*name.split("."))
    return [format_path(column.name, path) for column in table.columns for path in column.sensitive]


@pytest.mark.parametrize(
    ("table", "members"),
    [
        ("aws.lambda.functions", ["environment.Variables"]),
        ("aws.lambda.layer_versions", ["content.Location"]),
        ("aws.autoscaling.launch_configurations", ["user_data"]),
        ("aws.cognito_idp.user_pool_clients", ["client_secret"]),
        ("aws.codebuild.projects", ["environment.environmentVariables.value", "webhook.secret"]),
        ("aws.ec2.vpn_connections", ["customer_gateway_configuration", "options.TunnelOptions.PreSharedKey"]),
        (
            "aws.glue.jobs",
            ["default_arguments", "non_overridable_arguments", "source_control_details.AuthToken"],
        ),
        ("aws.elasticbeanstalk.configuration_settings", ["option_settings.Value"]),
        ("aws.kafkaconnect.connectors", ["connector_configuration"]),
        ("aws.mwaa.environments", ["airflow_configuration_options"]),
        ("aws.rds.option_groups", ["options.OptionSettings.Value"]),
        ("aws.ivs.stream_keys", ["value"]),
        ("aws.cognito_idp.identity_providers", ["provider_details"]),
        (
            "aws.directconnect.virtual_interfaces",
            ["auth_key", "bgp_peers.authKey", "customer_router_config"],
        ),
        ("aws.iot.topic_rules", ["actions.salesforce.token", "error_action.salesforce.token"]),
    ],
)
def test_members_that_give_access_are_sensitive(table: str, members: list[str]) -> None:
    assert sorted(list_sensitive(table)) == members


@pytest.mark.parametrize(
    "table",
    [
        "aws.organizations.accounts",  # the model marks names and emails
        "aws.identitystore.users",  # … and every name
        "aws.datazone.projects",  # … and descriptions
        "aws.stepfunctions.state_machines",  # … and definitions
        "aws.ssm.parameters",  # … and values; secure ones stay encrypted
        "aws.secretsmanager.secrets",  # ARNs and names of secrets
        "aws.ec2.instances",  # HttpTokens: whether they are required
        "aws.wafv2.api_keys",  # its key
        "aws.iam.access_keys",  # ids
    ],
)
def test_names_descriptions_and_what_says_where_a_secret_is_are_not_sensitive(table: str) -> None:
    assert list_sensitive(table) == []
