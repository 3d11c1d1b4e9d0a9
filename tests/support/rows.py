"""Experiments that the tests of writing need."""

from __future__ import annotations

from sqlprov.emulator import Emulator

REGION = "us-east-1"


def experiments(em: Emulator, *names: str, status: str = "Created") -> None:
    variants = [
        {"ModelName": "m", "VariantName": variant, "InfrastructureConfig": infrastructure}
        for variant in ("production", "shadow")
        for infrastructure in [
            {
                "InfrastructureType": "RealTimeInference",
                "RealTimeInferenceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            }
        ]
    ]
    shadow = {"ShadowModelVariantName": "shadow", "SamplingPercentage": 50}
    for name in names:
        em.add(
            "InferenceExperiment",
            REGION,
            {
                "Name": name,
                "Type": "ShadowMode",
                "Status": status,
                "ModelVariants": variants,
                "EndpointName": "search",
                "RoleArn": "arn:aws:iam::123456789012:role/SageMakerExecution",
                "ShadowModeConfig": {"SourceModelVariantName": "production", "ShadowModelVariants": [shadow]},
            },
        )
