"""The SQL that the project started from: StackQL's page of inference_experiments, as it stands there."""

REQUIRED = """\
/*+ create */
INSERT INTO aws.sagemaker.inference_experiments (
 Name,
 Type,
 RoleArn,
 EndpointName,
 ModelVariants,
 region
)
SELECT 
'{{ Name }}',
 '{{ Type }}',
 '{{ RoleArn }}',
 '{{ EndpointName }}',
 '{{ ModelVariants }}',
'{{ region }}';
"""

ALL = """\
/*+ create */
INSERT INTO aws.sagemaker.inference_experiments (
 Name,
 Type,
 Description,
 RoleArn,
 EndpointName,
 Schedule,
 KmsKey,
 DataStorageConfig,
 ModelVariants,
 ShadowModeConfig,
 Tags,
 StatusReason,
 DesiredState,
 region
)
SELECT 
 '{{ Name }}',
 '{{ Type }}',
 '{{ Description }}',
 '{{ RoleArn }}',
 '{{ EndpointName }}',
 '{{ Schedule }}',
 '{{ KmsKey }}',
 '{{ DataStorageConfig }}',
 '{{ ModelVariants }}',
 '{{ ShadowModeConfig }}',
 '{{ Tags }}',
 '{{ StatusReason }}',
 '{{ DesiredState }}',
 '{{ region }}';
"""

DELETE = """\
/*+ delete */
DELETE FROM aws.sagemaker.inference_experiments
WHERE data__Identifier = '<Name>'
AND region = 'us-east-1';
"""

MANIFEST = """\
version: 1
name: stack name
description: stack description
providers:
  - aws
globals:
  - name: region
    value: '{{ vars.AWS_REGION }}'
resources:
  - name: inference_experiment
    props:
      - name: Name
        value: '{{ Name }}'
      - name: Type
        value: '{{ Type }}'
      - name: Description
        value: '{{ Description }}'
      - name: RoleArn
        value: '{{ RoleArn }}'
      - name: EndpointName
        value: '{{ EndpointName }}'
      - name: Schedule
        value:
          StartTime: '{{ StartTime }}'
          EndTime: '{{ EndTime }}'
      - name: KmsKey
        value: '{{ KmsKey }}'
      - name: DataStorageConfig
        value:
          Destination: '{{ Destination }}'
          KmsKey: '{{ KmsKey }}'
          ContentType:
            CsvContentTypes:
              - '{{ CsvContentTypes[0] }}'
            JsonContentTypes:
              - '{{ JsonContentTypes[0] }}'
      - name: ModelVariants
        value:
          - ModelName: '{{ ModelName }}'
            VariantName: '{{ VariantName }}'
            InfrastructureConfig:
              InfrastructureType: '{{ InfrastructureType }}'
              RealTimeInferenceConfig:
                InstanceType: '{{ InstanceType }}'
                InstanceCount: '{{ InstanceCount }}'
      - name: ShadowModeConfig
        value:
          SourceModelVariantName: '{{ SourceModelVariantName }}'
          ShadowModelVariants:
            - ShadowModelVariantName: '{{ ShadowModelVariantName }}'
              SamplingPercentage: '{{ SamplingPercentage }}'
      - name: Tags
        value:
          - Value: '{{ Value }}'
            Key: '{{ Key }}'
      - name: StatusReason
        value: '{{ StatusReason }}'
      - name: DesiredState
        value: '{{ DesiredState }}'
"""

VARIABLES = {
    "AWS_REGION": "us-east-1",
    "Name": "churn-trial",
    "Type": "ShadowMode",
    "Description": "the documentation's",
    "RoleArn": "arn:aws:iam::123456789012:role/service",
    "EndpointName": "churn",
    "StartTime": "2035-01-01T00:00:00Z",
    "EndTime": "2035-01-05T00:00:00Z",
    "KmsKey": "alias/churn",
    "Destination": "s3://bucket/churn",
    "CsvContentTypes": '["text/csv"]',
    "JsonContentTypes": '["application/json"]',
    "ModelName": "churn",
    "VariantName": "production",
    "InfrastructureType": "RealTimeInference",
    "InstanceType": "ml.m5.large",
    "InstanceCount": "1",
    "SourceModelVariantName": "production",
    "ShadowModelVariantName": "shadow",
    "SamplingPercentage": "20",
    "Value": "growth",
    "Key": "team",
    "StatusReason": "",
    "DesiredState": "",
}
"""Values for the placeholders of MANIFEST; its one variant stands for two, so that it names the shadow itself."""
