"""The loader of models, which finds the files of one service without a list of all."""

from __future__ import annotations

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from sqlprov.catalog.service_model import get_loader


@pytest.mark.parametrize(
    ("client", "file"),
    [("autoscaling", "paginators-1"), ("ce", "paginators-1"), ("sqs", "service-2")],  # two with extras
)
def test_a_file_is_that_of_botocores_own_loader(client: str, file: str) -> None:
    assert get_loader().load_service_model(client, file) == Loader().load_service_model(client, file)


@pytest.mark.parametrize(("client", "file"), [("sagmaker", "service-2"), ("sts", "waiters-2")])
def test_a_file_that_does_not_exist_is_reported_as_by_botocores_own_loader(client: str, file: str) -> None:
    with pytest.raises(UnknownServiceError) as own:
        Loader().load_service_model(client, file)
    with pytest.raises(UnknownServiceError) as ours:
        get_loader().load_service_model(client, file)
    assert str(ours.value) == str(own.value)


def test_without_botocores_private_parts_its_own_loader_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    get_loader.cache_clear()
    monkeypatch.delattr(Loader, "_find_extras")
    monkeypatch.setattr(Loader, "load_service_model", lambda *words: words[1:])
    try:
        assert get_loader().load_service_model("autoscaling", "paginators-1") == (
            "autoscaling",
            "paginators-1",
            None,
        )
    finally:
        get_loader.cache_clear()
