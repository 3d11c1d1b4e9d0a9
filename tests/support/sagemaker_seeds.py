"""Creates resources of SageMaker on moto: its requests say more than their shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name
from request_values import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/image:1"
TAGS = [{"Key": "stage", "Value": "test"}]
S3_IN = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}}
S3_OUT = {"S3OutputPath": "s3://bucket/out"}
STOP = {"MaxRuntimeInSeconds": 3600}
MACHINES = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
CHANNEL = {"ChannelName": "train", "DataSource": {"S3DataSource": S3_IN["S3DataSource"]}}
TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": ROLE,
    "InputDataConfig": [CHANNEL],
    "OutputDataConfig": S3_OUT,
    "ResourceConfig": MACHINES,
    "StoppingCondition": STOP,
}
MONITORING_OUTPUT = {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://bucket/out", "LocalPath": "/out"}}]}
VARIANT = {
    "VariantName": "all",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
    "InitialVariantWeight": 0.5,
}
MONITORING_MACHINES = {"ClusterConfig": MACHINES}
ENDPOINT_INPUT = {"EndpointName": "first", "LocalPath": "/in"}


def make_definition(kind: str, specification: Mapping[str, Any]) -> Callable[[Any, str], None]:
    """The maker of a job definition of Model Monitor."""

    def make(client: Any, name: str) -> None:
        create = getattr(client, f"create_{kind}_job_definition")
        noun = kind.title().replace("_", "")
        truth = {"GroundTruthS3Input": {"S3Uri": "s3://bucket/truth"}}
        create(
            JobDefinitionName=name,
            RoleArn=ROLE,
            JobResources=MONITORING_MACHINES,
            Tags=TAGS,
            **{
                f"{noun}AppSpecification": {"ImageUri": IMAGE, **specification},
                f"{noun}JobInput": {
                    "EndpointInput": ENDPOINT_INPUT,
                    **(truth if kind in ("model_bias", "model_quality") else {}),
                },
                f"{noun}JobOutputConfig": MONITORING_OUTPUT,
            },
        )

    return make


def make_domain(client: Any, name: str) -> None:
    client.create_domain(
        DomainName=name,
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": ROLE},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
        Tags=TAGS,
    )


def make_tuning_job(client: Any, name: str) -> None:
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    definition = TRAINING | {"StaticHyperParameters": {"a": "1"}}
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={"Strategy": "Bayesian", "ResourceLimits": limits},
        TrainingJobDefinition=definition,
        Tags=TAGS,
    )


def make_transform_job(client: Any, name: str) -> None:
    client.create_transform_job(
        TransformJobName=name,
        ModelName="first",
        TransformInput={"DataSource": S3_IN},
        TransformOutput=S3_OUT,
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        Tags=TAGS,
    )


def make_processing_job(client: Any, name: str) -> None:
    client.create_processing_job(
        ProcessingJobName=name,
        ProcessingResources={"ClusterConfig": MACHINES},
        AppSpecification={"ImageUri": IMAGE},
        RoleArn=ROLE,
        Tags=TAGS,
    )


def make_compilation_job(client: Any, name: str) -> None:
    client.create_compilation_job(
        CompilationJobName=name,
        RoleArn=ROLE,
        InputConfig={"S3Uri": "s3://bucket/in", "DataInputConfig": "{}", "Framework": "PYTORCH"},
        OutputConfig={"S3OutputLocation": "s3://bucket/out", "TargetDevice": "ml_m5"},
        StoppingCondition=STOP,
        Tags=TAGS,
    )


def make_cluster(client: Any, name: str) -> None:
    group = {
        "InstanceCount": 2,
        "ThreadsPerCore": 1,
        "InstanceGroupName": "workers",
        "InstanceType": "ml.m5.large",
        "LifeCycleConfig": {"SourceS3Uri": "s3://sagemaker-bucket/", "OnCreate": "create.sh"},
        "ExecutionRole": ROLE,
    }
    client.create_cluster(ClusterName=name, InstanceGroups=[group], Tags=TAGS)


def make_auto_ml_job(client: Any, name: str) -> None:
    client.create_auto_ml_job_v2(
        AutoMLJobName=name,
        AutoMLJobInputDataConfig=[{"ChannelType": "training", "DataSource": S3_IN}],
        OutputDataConfig=S3_OUT,
        AutoMLProblemTypeConfig={
            "TabularJobConfig": {
                "TargetAttributeName": "y",
                "ProblemType": "Regression",
                "CompletionCriteria": {"MaxCandidates": 1},
            }
        },
        RoleArn=ROLE,
        Tags=TAGS,
    )


def make_pipeline(client: Any, name: str) -> None:
    client.create_pipeline(
        PipelineName=name,
        PipelineDefinition='{"Version": "2020-12-01"}',
        RoleArn=ROLE,
        ClientRequestToken=name * 8,
        Tags=TAGS,
    )
    parameters = [{"Name": "epochs", "Value": "3"}]
    client.start_pipeline_execution(
        PipelineName=name, PipelineParameters=parameters, ClientRequestToken=name * 8
    )


def make_model_packages(client: Any, name: str) -> None:
    client.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="d", Tags=TAGS)
    client.create_model_package(ModelPackageGroupName=name, ModelApprovalStatus="Approved")
    client.create_model_package(ModelPackageName=f"alone-{name}", Tags=TAGS)


def make_model_card(client: Any, name: str) -> None:
    client.create_model_card(ModelCardName=name, Content="{}", ModelCardStatus="Draft", Tags=TAGS)
    client.update_model_card(ModelCardName=name, ModelCardStatus="Approved")


MAKERS: tuple[Callable[[Any, str], Any], ...] = (
    lambda c, n: c.create_model(
        ModelName=n, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE}, Tags=TAGS
    ),
    lambda c, n: c.create_endpoint_config(
        EndpointConfigName=n, ProductionVariants=[VARIANT | {"ModelName": n}], Tags=TAGS
    ),
    lambda c, n: c.create_endpoint(EndpointName=n, EndpointConfigName=n, Tags=TAGS),
    lambda c, n: c.create_experiment(ExperimentName=n, Tags=TAGS),
    lambda c, n: c.create_trial(TrialName=n, ExperimentName=n, Tags=TAGS),
    lambda c, n: c.create_trial_component(TrialComponentName=n, Tags=TAGS),
    lambda c, n: c.create_training_job(TrainingJobName=n, Tags=TAGS, **TRAINING),
    make_tuning_job,
    make_processing_job,
    make_transform_job,
    make_compilation_job,
    make_auto_ml_job,
    make_domain,
    make_cluster,
    make_model_packages,
    make_model_card,
    make_pipeline,
    lambda c, n: c.create_notebook_instance(
        NotebookInstanceName=n, InstanceType="ml.t2.medium", RoleArn=ROLE, Tags=TAGS
    ),
    make_definition("data_quality", {}),
    make_definition("model_bias", {"ConfigUri": "s3://bucket/config"}),
    make_definition("model_explainability", {"ConfigUri": "s3://bucket/config"}),
    make_definition("model_quality", {"ProblemType": "Regression"}),
)


def seed_sagemaker(client: Any) -> None:
    """Two resources of each kind."""
    for make in MAKERS:
        for name in ("first", "second"):
            make(client, name)


class _Recorder:
    """Takes calls instead of a client; the last of each method counts."""

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, Any]] = {}

    def __getattr__(self, method: str) -> Callable[..., None]:
        return lambda **request: self.requests.update({method: request})


def make_sagemaker_request(operation: Any, name: str) -> dict[str, Any]:
    """The request for one more resource beside the two; empty if there is none of its kind."""
    recorder = _Recorder()
    for make in MAKERS:
        make(recorder, "second")
    request = recorder.requests.get(xform_name(operation.name), {})
    noun = operation.name.removeprefix("Create").removesuffix("V2")
    own = (f"{noun}Name", "JobDefinitionName")
    given = {member: name if member in own else value for member, value in request.items()}
    return {member: value for member, value in given.items() if member not in operation.idempotent_members}
