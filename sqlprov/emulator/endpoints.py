"""Models, endpoint configs and endpoints: the older kinds, whose errors are a ValidationException with a message."""

from __future__ import annotations

from sqlprov.emulator.context import (
    Context,
    Members,
    Operation,
    check_new_name,
    find,
    make_describe,
    omit,
    parse_tags,
)
from sqlprov.emulator.errors import make_validation_error
from sqlprov.emulator.store import STEPS, Record

_IN_PROGRESS = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


def expand(context: Context, record: Record) -> Members:
    """All members, with the ARN."""
    return record.members | {record.kind.arn: context.build_arn(record.kind.noun, record.region, record.name)}


def make_delete(noun: str) -> Operation:
    """The Delete operation of a kind without states."""

    def delete(context: Context, region: str, parameters: Members) -> bytes:
        context.store.drop(find(context, noun, region, parameters[f"{noun}Name"]))
        return b""

    return delete


def create_model(context: Context, region: str, parameters: Members) -> Members:
    if not parameters.get("PrimaryContainer") and not parameters.get("Containers"):
        raise make_validation_error("Either PrimaryContainer or Containers must be specified.")
    if parameters.get("PrimaryContainer") and parameters.get("Containers"):
        raise make_validation_error("PrimaryContainer and Containers cannot both be specified.")
    return _create(
        context, "Model", region, {"EnableNetworkIsolation": False} | omit(parameters, "Tags"), parameters
    )


def create_endpoint_config(context: Context, region: str, parameters: Members) -> Members:
    members: Members = {"EnableNetworkIsolation": False} | omit(parameters, "Tags")
    for variant in [*members["ProductionVariants"], *members.get("ShadowProductionVariants", [])]:
        variant.setdefault("InitialVariantWeight", 1.0)
        if "ModelName" in variant:
            find(context, "Model", region, variant["ModelName"])
    return _create(context, "EndpointConfig", region, members, parameters)


def create_endpoint(context: Context, region: str, parameters: Members) -> Members:
    members = omit(parameters, "Tags", "DeploymentConfig") | _deploy(context, region, parameters)
    members |= {"EndpointStatus": "Creating", "LastModifiedTime": context.now}
    members[STEPS] = [(context.now + context.options.transition, {"EndpointStatus": "InService"})]
    return _create(context, "Endpoint", region, members, parameters)


def update_endpoint(context: Context, region: str, parameters: Members) -> Members:
    record = _find_idle_endpoint(context, region, parameters)
    return _update(context, record, record.members | _deploy(context, region, parameters))


def update_endpoint_weights(context: Context, region: str, parameters: Members) -> Members:
    record = _find_idle_endpoint(context, region, parameters)
    members = record.members
    variants = {variant["VariantName"]: variant for variant in members["ProductionVariants"]}
    for wanted in parameters["DesiredWeightsAndCapacities"]:
        variant = variants.get(wanted["VariantName"])
        if variant is None:
            raise make_validation_error(f'Could not find variant "{wanted["VariantName"]}" of the endpoint.')
        for name in ("Weight", "InstanceCount"):
            if f"Desired{name}" in wanted:
                variant[f"Desired{name}"] = variant[f"Current{name}"] = wanted[f"Desired{name}"]
    return _update(context, record, members)


def delete_endpoint(context: Context, region: str, parameters: Members) -> bytes:
    record = _find_idle_endpoint(context, region, parameters)
    if not context.options.transition:
        context.store.drop(record)
        return b""
    members = record.members | {"EndpointStatus": "Deleting", "LastModifiedTime": context.now}
    members[STEPS] = [(context.now + context.options.transition, None)]
    context.store.put([record.replace_members(members)])
    return b""


def _deploy(context: Context, region: str, parameters: Members) -> Members:
    """The members that an endpoint has from the config of a request."""
    config = find(context, "EndpointConfig", region, parameters["EndpointConfigName"])
    members = config.members
    deployed: Members = {"EndpointConfigName": config.name}
    for name in ("ProductionVariants", "ShadowProductionVariants"):
        if name in members:
            deployed[name] = [_deploy_variant(context, region, variant) for variant in members[name]]
    for name in ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig", "CrossRegionTrafficConfig"):
        if name in members:
            deployed[name] = members[name]
    if capture := members.get("DataCaptureConfig"):
        enabled = capture.get("EnableCapture", True)
        deployed["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    if parameters.get("DeploymentConfig"):
        deployed["LastDeploymentConfig"] = parameters["DeploymentConfig"]
    return deployed


def _deploy_variant(context: Context, region: str, variant: Members) -> Members:
    summary: Members = {"VariantName": variant["VariantName"]}
    model = context.store.get("Model", region, variant.get("ModelName", ""))
    image = model.members.get("PrimaryContainer", {}).get("Image") if model is not None else None
    if image:
        resolved = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": context.now}
        summary["DeployedImages"] = [resolved]
    weight = variant.get("InitialVariantWeight", 1.0)
    summary |= {"CurrentWeight": weight, "DesiredWeight": weight}
    if serverless := variant.get("ServerlessConfig"):
        return summary | {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = variant.get("InitialInstanceCount", 1)
    return summary | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}


def _find_idle_endpoint(context: Context, region: str, parameters: Members) -> Record:
    record = find(context, "Endpoint", region, parameters["EndpointName"])
    if record.members["EndpointStatus"] in _IN_PROGRESS:
        where = context.build_arn("Endpoint", region, record.name)
        raise make_validation_error(f'Cannot update in-progress endpoint "{where}".')
    return record


def _create(context: Context, noun: str, region: str, members: Members, parameters: Members) -> Members:
    name = parameters[f"{noun}Name"]
    check_new_name(context, noun, region, name)
    context.store.put([Record(noun, region, members | {"CreationTime": context.now}, parse_tags(parameters))])
    return {f"{noun}Arn": context.build_arn(noun, region, name)}


def _update(context: Context, record: Record, members: Members) -> Members:
    members |= {"EndpointStatus": "Updating", "LastModifiedTime": context.now}
    members[STEPS] = [(context.now + context.options.transition, {"EndpointStatus": "InService"})]
    context.store.put([record.replace_members(members)])
    return {"EndpointArn": context.build_arn("Endpoint", record.region, record.name)}


OPERATIONS: dict[str, Operation] = {
    "CreateModel": create_model,
    "DescribeModel": make_describe("Model", expand),
    "DeleteModel": make_delete("Model"),
    "CreateEndpointConfig": create_endpoint_config,
    "DescribeEndpointConfig": make_describe("EndpointConfig", expand),
    "DeleteEndpointConfig": make_delete("EndpointConfig"),
    "CreateEndpoint": create_endpoint,
    "DescribeEndpoint": make_describe("Endpoint", expand),
    "UpdateEndpoint": update_endpoint,
    "UpdateEndpointWeightsAndCapacities": update_endpoint_weights,
    "DeleteEndpoint": delete_endpoint,
}
