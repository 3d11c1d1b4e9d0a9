from __future__ import annotations

import json

import pytest
from input_strategies import Coerce, Duck

from sqlprov.catalog.shapes import Shape
from sqlprov.plan.write.values import find_missing

# Every instance type of the R page of CreateInferenceExperiment, where botocore's own list has others.
SIZES = {
    "ml.t2": "medium large xlarge 2xlarge",
    "ml.t3": "medium large xlarge 2xlarge",
    "ml.m4": "xlarge 2xlarge 4xlarge 10xlarge 16xlarge",
    "ml.m5": "xlarge 2xlarge 4xlarge 12xlarge 24xlarge",
    "ml.m5d": "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge",
    "ml.c4": "xlarge 2xlarge 4xlarge 8xlarge",
    "ml.c5": "xlarge 2xlarge 4xlarge 9xlarge 18xlarge",
    "ml.c5d": "xlarge 2xlarge 4xlarge 9xlarge 18xlarge",
    "ml.p2": "xlarge 8xlarge 16xlarge",
    "ml.p3": "2xlarge 8xlarge 16xlarge",
    "ml.p3dn": "24xlarge",
    "ml.g4dn": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge",
    "ml.r5": "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge",
    "ml.g5": "xlarge 2xlarge 4xlarge 8xlarge 16xlarge 12xlarge 24xlarge 48xlarge",
    "ml.inf1": "xlarge 2xlarge 6xlarge 24xlarge",
    "ml.p4d": "24xlarge",
    "ml.p4de": "24xlarge",
}
SEED = [f"{family}.{size}" for family, sizes in SIZES.items() for size in sizes.split()]

LACKING = {f"ml.t3.{size}" for size in ("medium", "large", "xlarge", "2xlarge")} | {"ml.p3dn.24xlarge"}
LACKING |= {f"ml.{family}.{size}" for family in ("m5d", "r5") for size in ("8xlarge", "16xlarge")}

KEYS = [
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "alias/ExampleAlias",
    "arn:aws:kms:us-west-2:111122223333:alias/ExampleAlias",
]

VALUES = {
    "Name": "shadow-test",
    "Type": "ShadowMode",
    "Description": "two models",
    "RoleArn": "arn:aws:iam::111122223333:role/sagemaker",
    "EndpointName": "search",
    "Schedule": {"StartTime": "2025-07-01T12:00:00Z", "EndTime": "2025-07-08T12:00:00Z"},
    "KmsKey": "alias/ExampleAlias",
    "DataStorageConfig": {
        "Destination": "s3://b/captured",
        "KmsKey": "alias/ExampleAlias",
        "ContentType": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    },
    "ModelVariants": [
        {
            "ModelName": "model-a",
            "VariantName": "production",
            "InfrastructureConfig": {
                "InfrastructureType": "RealTimeInference",
                "RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": "1"},
            },
        }
    ],
    "ShadowModeConfig": {
        "SourceModelVariantName": "production",
        "ShadowModelVariants": [{"ShadowModelVariantName": "shadow", "SamplingPercentage": "10"}],
    },
    "Tags": [{"Value": "search", "Key": "team"}],
}


def test_the_75_instance_types_of_the_seed_pass_and_only_the_nine_botocore_lacks_are_warned_of(
    experiment: Shape, duck: Duck
) -> None:
    config = experiment.members["ModelVariants"].item.members["InfrastructureConfig"]
    shape = config.members["RealTimeInferenceConfig"]
    assert len(set(SEED)) == 75
    warned = []
    for type in SEED:
        value, faults, warnings = duck.coerce(f"{{'InstanceType': '{type}', 'InstanceCount': 1}}", shape)
        assert (value, faults) == ({"InstanceType": type, "InstanceCount": 1}, [])
        warned += [warning.value for warning in warnings]
    assert set(warned) == LACKING


@pytest.mark.parametrize("key", KEYS)
def test_each_of_the_four_forms_of_a_kms_key_passes(experiment: Shape, taken: Coerce, key: str) -> None:
    assert taken("?", experiment.members["KmsKey"], key) == key


def test_the_insert_example_runs_with_its_placeholders_filled(experiment: Shape, taken: Coerce) -> None:
    sent = {
        name: taken("?", experiment.members[name], value if isinstance(value, str) else json.dumps(value))
        for name, value in VALUES.items()
    }
    assert find_missing(experiment, sent) == ()
    infrastructure = sent["ModelVariants"][0]["InfrastructureConfig"]
    assert infrastructure["RealTimeInferenceConfig"]["InstanceCount"] == 1
    assert sent["ShadowModeConfig"]["ShadowModelVariants"][0]["SamplingPercentage"] == 10
    assert sent["Schedule"]["EndTime"].isoformat() == "2025-07-08T12:00:00+00:00"
    assert sent["Tags"] == [{"Key": "team", "Value": "search"}]


def test_the_required_example_lacks_the_shadow_mode_config(experiment: Shape) -> None:
    columns = ["Name", "Type", "RoleArn", "EndpointName", "ModelVariants"]
    assert find_missing(experiment, columns) == ("ShadowModeConfig",)
