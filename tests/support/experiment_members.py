"""Members of inference experiments, as Create takes them."""

from __future__ import annotations

from typing import Any


def variant(
    name: str, model: str = "", instance: str = "ml.m5.xlarge", count: Any = 1, **members: Any
) -> dict[str, Any]:
    """One item of ModelVariants."""
    machines = {"InstanceType": instance, "InstanceCount": count}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": machines}
    return {
        "ModelName": model or f"model-{name}",
        "VariantName": name,
        "InfrastructureConfig": infrastructure,
    } | members


def sampling(percentage: Any, shadow: str = "shadow") -> dict[str, Any]:
    """A ShadowModeConfig."""
    shadows = [{"ShadowModelVariantName": shadow, "SamplingPercentage": percentage}]
    return {"SourceModelVariantName": "production", "ShadowModelVariants": shadows}


VARIANTS = [variant("production"), variant("shadow")]
