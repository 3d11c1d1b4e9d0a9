import pytest

REGIONS = ("us-east-1", "eu-west-1", "us-west-2")
STATES = {"Creating", "Created", "Updating", "Starting", "Running", "Stopping", "Completed", "Cancelled"}


@pytest.fixture
def seeded_emulator(em, connect):
    em.seed_local()
    return [connect(em, region) for region in REGIONS]


def describe_all(clients):
    return [
        (sm, sm.describe_inference_experiment(Name=item["Name"]))
        for sm in clients
        for item in sm.list_inference_experiments(MaxResults=100)["InferenceExperiments"]
    ]


def test_the_sample_data_has_every_state_and_one_name_in_each_region(seeded_emulator):
    experiments = [each for _, each in describe_all(seeded_emulator)]
    assert len(experiments) == 12 and {each["Status"] for each in experiments} == STATES
    names = [each["Name"] for each in experiments]
    assert names.count("search-relevance") == 3
    assert {each["CreationTime"].year for each in experiments} == {2025}


def test_every_reference_in_the_sample_data_resolves(seeded_emulator):
    for sm, each in describe_all(seeded_emulator):
        endpoint = sm.describe_endpoint(EndpointName=each["EndpointMetadata"]["EndpointName"])
        config = sm.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        models = [variant["ModelName"] for variant in each["ModelVariants"]]
        models += [variant["ModelName"] for variant in config["ProductionVariants"]]
        assert all(sm.describe_model(ModelName=model) for model in models)
        assert sm.list_tags(ResourceArn=each["Arn"])["Tags"]
        assert endpoint["CreationTime"] < each["CreationTime"] <= each["LastModifiedTime"]


def test_fill_is_deterministic_and_varied(em, sm):
    em.fill(500, regions=REGIONS, seed=7)
    first = sm.list_inference_experiments(MaxResults=100)["InferenceExperiments"]
    em.fill(500, regions=REGIONS, seed=7)
    assert sm.list_inference_experiments(MaxResults=100)["InferenceExperiments"] == first
    assert any("Description" not in item for item in first) and any("Description" in item for item in first)
    assert len({item["CreationTime"] for item in first}) < len(first)
    assert len({item["Status"] for item in first}) >= 6
    tagged = [em.get("InferenceExperiment", "us-east-1", item["Name"])["Tags"] for item in first]
    assert any(tagged) and not all(tagged)
