-- A shadow test from the template that `SHOW INSERT INTO` prints, with values from a file. Run it with:
-- sqlprov exec --local -f examples/writes/new_test.sql --var-file examples/writes/new_test.yaml --var Name=churn-spring
-- Add --dry-run to see the SQL and the calls first.
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

SELECT name, status, description, schedule.EndTime AS ends, model_variants[2].ModelName AS shadow
FROM aws.sagemaker.inference_experiments
WHERE name = '{{ Name }}' AND region = '{{ region }}';

-- String constants of the template are SQL; values of variables never are.
{% for tag in Tags %}
SELECT {{ tag.Key }} AS key, {{ tag.Value }} AS value{{ ", true AS of_the_owner" if tag.Key == "owner" }};
{% endfor %}
