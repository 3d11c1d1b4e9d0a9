from __future__ import annotations

from pathlib import Path

import pytest
from refusals import BadFile, Load

from sqlprov.catalog import Catalog
from sqlprov.catalog.write_rules import (
    DeleteRule,
    DesiredStateRule,
    InsertRule,
    SentParameter,
    Transition,
    UpdateRule,
    WriteRules,
)
from sqlprov.errors import ResourceFileError

SHIPPED = Path(__file__).parents[3] / "resources/aws/sagemaker/inference_experiments.yaml"
TEXT = SHIPPED.read_text()
TINY = Path(__file__).with_name("tiny.yaml").read_text()


REFUSALS = [
    BadFile("an unknown key of insert", "ignored:", "ignore:", ("'ignore'", "'ignored'")),
    BadFile("an ignored parameter", "[DesiredState, S", "[KmsKey, S", ("CreateInferenceExperiment takes",)),
    BadFile("an unknown ignored property", "[DesiredState, S", "[DesiredStat, S", ("'DesiredState'",)),
    BadFile("keys added to an unknown map", "    ignored:", "    adds: [Nme]\n    ignored:", ("'Nme'", "'Name'")),
    BadFile("keys added to a text", "    ignored:", "    adds: [Name]\n    ignored:", ("Name is not a map",)),
    BadFile("attributes of an unknown call", "    ignored:", "    attributes: {SetIt: [A]}\n    ignored:", ("SetIt",)),
    BadFile(
        "an unknown attribute",
        "    ignored:",
        "    attributes: {UpdateInferenceExperiment: [Nme]}\n    ignored:",
        ("'Nme'", "'Name'"),
    ),
    BadFile("a note on an unknown parameter", "{Schedule: W", "{Shedule: W", ("'Schedule'",)),
    BadFile("a note without text", "{Schedule: Without", "{Schedule: [Without", ("malformed",)),
    BadFile("via of a state that is not busy", "via: Creating", "via: Created", ("'Created'", "state under busy")),
    BadFile("via without until", "Starting, until: [Running]", "Starting", ("expected `until:`",)),
    BadFile("when in an unknown state", "Created: all", "Creatd: all", ("'Creatd'", "'Created'")),
    BadFile("when in a busy state", "Created: all", "Creating: all", ("Creating is under `busy:`",)),
    BadFile("when with all among others", "Created: all", "Created: [all, Description]", ("`all` alone",)),
    BadFile("when with an unknown member", "Schedule.EndTime,", "Shedule.EndTime,", ("'Schedule'",)),
    BadFile("when with an unknown inner member", "Schedule.EndTime,", "Schedule.EndTme,", ("'EndTime'",)),
    BadFile("when with the key", "[Description, S", "[Name, S", ("'Name'", "UpdateInferenceExperiment")),
    BadFile("before in an unknown state", "{Running: stop}", "{Runing: stop}", ("'Running'",)),
    BadFile("before in a busy state", "{Running: stop}", "{Stopping: stop}", ("not busy",)),
    BadFile("before with an unknown method", "{Running: stop}", "{Running: stp}", ("'stp'", "'stop'")),
    BadFile("before in a state it is not called in", "{Running: stop}", "{Created: stop}", ("`from:`",)),
    BadFile("an unknown key of desired", "    reason: status", "    reasn: status", ("'reason'",)),
    BadFile("an unknown desired column", "column: desired_s", "column: desird_s", ("'desired_state'",)),
    BadFile("an unknown reason column", "reason: status_r", "reason: statu_r", ("'status_reason'",)),
    BadFile("a transition by an unknown method", "      start: {from", "      strt: {from", ("under exec", "'start'")),
    BadFile("a transition from an unknown state", "{from: [Created]}", "{from: [Creatd]}", ("'Created'",)),
    BadFile("a transition from a busy state", "{from: [Created]}", "{from: [Creating]}", ("not busy",)),
    BadFile("a transition without from", "{from: [Created]}", "{reason: Reason}", ("missing key 'from'",)),
    BadFile("an unknown parameter for the state", ": DesiredState\n", ": DesiredStat\n", ("'DesiredState'",)),
    BadFile("an unknown parameter for the reason", ": Reason\n", ": Reson\n", ("'Reason'",)),
    BadFile("an unknown parameter to send", "{ModelVariantActions:", "{ModelVariantAction:", ("ModelVariantActions",)),
    BadFile("an unknown value to send", "Name: Retain", "Name: Retained", ("'Retained'", "'Retain'")),
    BadFile("an unknown path to send", "{ModelVariants.V", "{ModelVariant.V", ("'ModelVariants'", "the row")),
    BadFile("an unknown inner path to send", "s.VariantName:", "s.VarantName:", ("'VariantName'",)),
    BadFile("two paths to send", "Name: Retain}", "Name: Retain, Name: Remove}", ("one `Member",)),
    BadFile("a map for a text", "{ModelVariantActions: {", "{Reason: {", ("expected text for Reason",)),
    BadFile("an unknown member instead", "{ModelVariants: D", "{ModelVariant: D", ("'ModelVariants'",)),
    BadFile("an unknown parameter instead", ": DesiredModelVariants", ": DesiredModelVarants", ("'DesiredModelV",)),
    BadFile(
        "a transition without what its call requires",
        "        send: {ModelVariantActions: {ModelVariants.VariantName: Retain}}\n",
        "",
        ("StopInferenceExperiment requires ModelVariantActions", "`send:`"),
        -4,
    ),
    BadFile(
        "a transition whose method leads nowhere",
        "  start: {call: StartInferenceExperiment, via: Starting, until: [Running]}",
        "  start: {call: StartInferenceExperiment}",
        ("'start' has no `until:`",),
        -8,
    ),
]  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_a_wrong_rule_is_refused_with_its_line_and_the_right_word(refusal: BadFile, load: Load) -> None:
    refusal.check(load, TEXT)


def test_an_update_whose_required_parameter_no_column_holds_is_refused(load: Load) -> None:
    text = TINY.replace("  delete: {", "  update: {call: UpdateHub}\n  delete: {")
    with pytest.raises(ResourceFileError, match="UpdateHub requires HubName, which no column"):
        load(text)


def test_a_create_that_neither_takes_nor_returns_the_key_is_refused(load: Load) -> None:
    text = "list: ListModelPackages\nkey: [model_package_name, creation_time]\n"
    with pytest.raises(ResourceFileError, match="CreateModelPackage neither takes nor returns creation_time"):
        load(f"{text}write: {{insert: CreateModelPackage}}")


def test_a_rule_about_states_of_a_table_without_states_is_refused(load: Load) -> None:
    text = "list: ListModels\nkey: model_name\ndescribe: DescribeModel\n"
    with pytest.raises(ResourceFileError, match="the table has no states"):
        load(f"{text}write: {{delete: {{call: DeleteModel, before: {{InService: stop}}}}}}")


def test_the_rules_of_inference_experiments(catalog: Catalog) -> None:
    table = catalog.get_table("aws", "sagemaker", "inference_experiments")
    retain = SentParameter("ModelVariantActions", "Retain", ("ModelVariants", "VariantName"))
    instead = {"ModelVariants": "DesiredModelVariants"}
    members = ("Schedule", "Description", "ModelVariants", "DataStorageConfig", "ShadowModeConfig")
    sampling = "ShadowModeConfig.ShadowModelVariants.SamplingPercentage"
    assert table.write == WriteRules(
        InsertRule(
            {"DesiredState": "desired_state", "StatusReason": "status_reason"},
            {"Schedule": "Without a Schedule it starts at once and ends after 7 days."},
        ),
        UpdateRule({"Created": members, "Running": ("Description", "Schedule.EndTime", sampling)}),
        DeleteRule({"Running": "stop"}),
        DesiredStateRule(
            "desired_state",
            "status_reason",
            (
                Transition("start", ("Created",)),
                Transition("stop", ("Running",), "DesiredState", "Reason", (retain,), instead),
            ),
        ),
    )


def test_a_busy_state_leads_where_its_methods_lead(catalog: Catalog) -> None:
    table = catalog.get_table("aws", "sagemaker", "inference_experiments")
    assert table.next_states == {
        "Creating": ("Created", "Running"),
        "Updating": ("Created", "Running"),
        "Starting": ("Running",),
        "Stopping": ("Completed", "Cancelled"),
    }
    assert set(catalog.get_table("aws", "sagemaker", "endpoints").next_states) == {
        "Creating",
        "Updating",
        "Deleting",
    }
    assert catalog.get_table("aws", "sagemaker", "models").next_states == {}


def test_a_parameter_knows_the_column_that_holds_its_value(catalog: Catalog) -> None:
    methods = catalog.get_table("aws", "sagemaker", "inference_experiments").by_method
    columns = {part.name: part.column for part in methods["create_resource"].parameters}
    assert (columns["Name"], columns["EndpointName"], columns["Tags"]) == ("name", "endpoint_name", "tags")
    assert {part.name: part.column for part in methods["stop"].parameters}["ModelVariantActions"] == ""


def test_a_key_is_found_in_a_list_of_one_and_a_name_in_the_column_of_the_list_that_shows_it(
    catalog: Catalog,
) -> None:
    hosts = catalog.get_table("aws", "ec2", "hosts")
    assert hosts.by_method["create_resource"].returns == {"host_id": ("HostIds",)}
    applications = catalog.get_table("aws", "emr_serverless", "applications")
    assert applications.by_method["create_resource"].returns == {"id": ("applicationId",)}
    targets = catalog.get_table("aws", "events", "targets")
    assert targets.by_method["create_resource"].returns == {}  # FailedEntries has ids, too
    assert catalog.get_table("aws", "elbv2", "load_balancers").write.insert.column == "load_balancer_name"
    assert catalog.get_table("aws", "sns", "topics").write.insert.column == ""
