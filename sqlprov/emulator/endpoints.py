"""Models, endpoint configs and endpoints: the older types, which answer with a ValidationException and a text."""

from __future__ import annotations

from typing import Any

from sqlprov.emulator.api_model import Kind, kinds
from sqlprov.emulator.context import (
    Members,
    Operation,
    Reply,
    World,
    arn,
    check_room,
    described,
    find,
    given_tags,
    present,
)
from sqlprov.emulator.errors import invalid
from sqlprov.emulator.store import STEPS, Record, drop, put

_IN_PROGRESS = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


def describe(noun: str) -> Operation:
    """The Describe operation of a type whose stored members are what it answers."""

    def operation(world: World, region: str, given: Members) -> Reply:
        kind = kinds()[noun]
        record = described(world, kind, region, given[kind.key])
        return Reply({name: value for name, value in view(record).items() if name in kind.described})

    return operation


def view(record: Record) -> Members:
    """All members, with the ARN."""
    return record.members | {record.kind.arn: arn(record.kind, record.region, record.name)}


def delete(noun: str) -> Operation:
    """The Delete operation of a type without states."""

    def operation(world: World, region: str, given: Members) -> Reply:
        kind = kinds()[noun]
        return Reply(b"", [drop(find(world, kind, region, given[kind.key]))])

    return operation


def create_model(world: World, region: str, given: Members) -> Reply:
    if not given.get("PrimaryContainer") and not given.get("Containers"):
        raise invalid("Either PrimaryContainer or Containers must be specified.")
    if given.get("PrimaryContainer") and given.get("Containers"):
        raise invalid("PrimaryContainer and Containers cannot both be specified.")
    members = present(given, "Tags")
    return _create(world, kinds()["Model"], region, {"EnableNetworkIsolation": False} | members, given)


def create_endpoint_config(world: World, region: str, given: Members) -> Reply:
    members = present(given, "Tags")
    for variant in [*members["ProductionVariants"], *members.get("ShadowProductionVariants", [])]:
        variant.setdefault("InitialVariantWeight", 1.0)
        model = variant.get("ModelName")
        if model is not None:
            find(world, kinds()["Model"], region, model)
    return _create(
        world, kinds()["EndpointConfig"], region, {"EnableNetworkIsolation": False} | members, given
    )


def create_endpoint(world: World, region: str, given: Members) -> Reply:
    kind = kinds()["Endpoint"]
    members = present(given, "Tags", "DeploymentConfig")
    config = find(world, kinds()["EndpointConfig"], region, given["EndpointConfigName"])
    members |= deployed(world, config)
    if given.get("DeploymentConfig"):
        members["LastDeploymentConfig"] = given["DeploymentConfig"]
    ready = world.now + world.options.transition
    members |= {"EndpointStatus": "Creating", "LastModifiedTime": world.now}
    members[STEPS] = [(ready, {"EndpointStatus": "InService"})]
    return _create(world, kind, region, members, given)


def update_endpoint(world: World, region: str, given: Members) -> Reply:
    record = _idle_endpoint(world, region, given)
    config = find(world, kinds()["EndpointConfig"], region, given["EndpointConfigName"])
    members = record.members | deployed(world, config) | {"EndpointConfigName": config.name}
    if given.get("DeploymentConfig"):
        members["LastDeploymentConfig"] = given["DeploymentConfig"]
    return _updating(world, record, members)


def update_endpoint_weights(world: World, region: str, given: Members) -> Reply:
    record = _idle_endpoint(world, region, given)
    members = record.members
    variants = {variant["VariantName"]: variant for variant in members["ProductionVariants"]}
    for wanted in given["DesiredWeightsAndCapacities"]:
        variant = variants.get(wanted["VariantName"])
        if variant is None:
            raise invalid(f'Could not find variant "{wanted["VariantName"]}" of the endpoint.')
        for name in ("Weight", "InstanceCount"):
            if wanted.get(f"Desired{name}") is not None:
                variant[f"Desired{name}"] = variant[f"Current{name}"] = wanted[f"Desired{name}"]
    return _updating(world, record, members)


def delete_endpoint(world: World, region: str, given: Members) -> Reply:
    record = _idle_endpoint(world, region, given)
    if not world.options.transition:
        return Reply(b"", [drop(record)])
    members = record.members | {"EndpointStatus": "Deleting", "LastModifiedTime": world.now}
    members[STEPS] = [(world.now + world.options.transition, None)]
    return Reply(b"", [put(Record(record.kind, region, members, record.tags))])


def deployed(world: World, config: Record) -> Members:
    """What an endpoint reports of the config it runs."""
    members = config.members
    result: Members = {
        name: [_variant(world, config.region, variant) for variant in members[name]]
        for name in ("ProductionVariants", "ShadowProductionVariants")
        if name in members
    }
    shared = ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig", "CrossRegionTrafficConfig")
    result |= {name: members[name] for name in shared if name in members}
    if capture := members.get("DataCaptureConfig"):
        enabled = capture.get("EnableCapture", True)
        result["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    return result


def _variant(world: World, region: str, variant: Members) -> Members:
    summary: dict[str, Any] = {"VariantName": variant["VariantName"]}
    model = world.store.get(kinds()["Model"], region, variant.get("ModelName", ""))
    image = model.members.get("PrimaryContainer", {}).get("Image") if model is not None else None
    if image:
        summary["DeployedImages"] = [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": world.now}
        ]
    weight = variant.get("InitialVariantWeight", 1.0)
    summary |= {"CurrentWeight": weight, "DesiredWeight": weight}
    if serverless := variant.get("ServerlessConfig"):
        return summary | {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = variant.get("InitialInstanceCount", 1)
    return summary | {"CurrentInstanceCount": count, "DesiredInstanceCount": count}


def _idle_endpoint(world: World, region: str, given: Members) -> Record:
    kind = kinds()["Endpoint"]
    record = find(world, kind, region, given["EndpointName"])
    if record.members["EndpointStatus"] in _IN_PROGRESS:
        raise invalid(f'Cannot update in-progress endpoint "{arn(kind, region, record.name)}".')
    return record


def _updating(world: World, record: Record, members: Members) -> Reply:
    members |= {"EndpointStatus": "Updating", "LastModifiedTime": world.now}
    members[STEPS] = [(world.now + world.options.transition, {"EndpointStatus": "InService"})]
    changed = Record(record.kind, record.region, members, record.tags)
    return Reply({"EndpointArn": arn(record.kind, record.region, record.name)}, [put(changed)])


def _create(world: World, kind: Kind, region: str, members: Members, given: Members) -> Reply:
    name = given[kind.key]
    check_room(world, kind, region, name)
    record = Record(kind, region, members | {"CreationTime": world.now}, given_tags(given))
    return Reply({kind.arn: arn(kind, region, name)}, [put(record)])


OPERATIONS: dict[str, Operation] = {
    "CreateModel": create_model,
    "DescribeModel": describe("Model"),
    "DeleteModel": delete("Model"),
    "CreateEndpointConfig": create_endpoint_config,
    "DescribeEndpointConfig": describe("EndpointConfig"),
    "DeleteEndpointConfig": delete("EndpointConfig"),
    "CreateEndpoint": create_endpoint,
    "DescribeEndpoint": describe("Endpoint"),
    "UpdateEndpoint": update_endpoint,
    "UpdateEndpointWeightsAndCapacities": update_endpoint_weights,
    "DeleteEndpoint": delete_endpoint,
}
