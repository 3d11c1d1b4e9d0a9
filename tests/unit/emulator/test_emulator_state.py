import threading

import pytest
from botocore.exceptions import ClientError

from sqlprov.emulator import Emulator, Options
from sqlprov.errors import InterfaceError

MODEL = {"ModelName": "m", "PrimaryContainer": {"Image": "i"}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "state.sqlite"


def test_the_next_emulator_finds_the_resources_of_the_last(path, connect, creatable):
    with Emulator(state=path) as em:
        sm = connect(em)
        sm.create_inference_experiment(**creatable(Tags=[{"Key": "a", "Value": "b"}]))
        sm.create_model(**MODEL)
        sm.delete_model(ModelName="m")
        before = em.get("InferenceExperiment", "us-east-1", "trial")
    with Emulator(state=path) as em:
        assert em.get("InferenceExperiment", "us-east-1", "trial") == before
        assert before["Tags"] == [{"Key": "a", "Value": "b"}] and before["Status"] == "Running"
        assert em.get("Model", "us-east-1", "m") is None
    assert em.get("InferenceExperiment", "us-east-1", "trial") == before


def test_two_emulators_on_one_file_see_each_others_changes_at_once(path, connect):
    with Emulator(state=path) as one, Emulator(state=path) as two:
        first, second = connect(one), connect(two)
        first.create_model(**MODEL)
        assert second.describe_model(ModelName="m")["ModelName"] == "m"
        assert [item["ModelName"] for item in second.list_models()["Models"]] == ["m"]
        with pytest.raises(ClientError, match="already existing model"):
            second.create_model(**MODEL)
        second.add_tags(
            ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:model/m", Tags=[{"Key": "k", "Value": "v"}]
        )
        assert one.get("Model", "us-east-1", "m")["Tags"] == [{"Key": "k", "Value": "v"}]
        second.delete_model(ModelName="m")
        with pytest.raises(ClientError, match="Could not find model"):
            first.describe_model(ModelName="m")


def test_two_writers_lose_nothing(path, connect):
    with Emulator(state=path) as one, Emulator(state=path) as two:
        acknowledged = []

        def write(sm, mine):
            for number in range(25):
                for name in (f"{mine}-{number}", f"both-{number}"):
                    try:
                        sm.create_model(ModelName=name, PrimaryContainer={"Image": "i"})
                        acknowledged.append(name)
                    except ClientError as error:
                        assert "already existing" in str(error)

        threads = [
            threading.Thread(target=write, args=(connect(em), str(at))) for at, em in enumerate((one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(acknowledged) == len(set(acknowledged)) == 75
        for em in (one, two):
            assert all(em.get("Model", "us-east-1", name) for name in acknowledged)


def test_a_busy_state_ends_in_another_process(path, connect, creatable, clock):
    with Emulator(Options(transition=10, clock=clock), state=path) as one:
        connect(one).create_inference_experiment(**creatable())
        assert one.get("InferenceExperiment", "us-east-1", "trial")["Status"] == "Creating"
    with Emulator(Options(clock=clock), state=path) as two:
        clock.advance(20)
        assert two.get("InferenceExperiment", "us-east-1", "trial")["Status"] == "Running"


def test_the_sample_data_is_added_once_in_the_life_of_a_file(path, connect):
    with Emulator(state=path) as em:
        em.seed_local()
        connect(em).delete_inference_experiment(Name="fraud-lightgbm")
    with Emulator(state=path) as em:
        em.seed_local()
        assert em.get("InferenceExperiment", "us-east-1", "fraud-lightgbm") is None
        assert em.get("InferenceExperiment", "us-east-1", "search-relevance") is not None


def test_a_file_that_is_not_a_state_file_is_refused_by_name(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("this is not a database" * 50)
    with pytest.raises(InterfaceError, match=r"notes\.txt cannot be used as state"):
        Emulator(state=other)
    assert other.read_text().startswith("this is not a database")
