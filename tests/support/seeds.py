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
