"""400 services with ten tables each, written as lines: names and titles come from the text alone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.extras import write_services
from sqlprov.catalog import Catalog
from sqlprov.errors import UnknownName
from sqlprov.settings import Settings
from sqlprov.sql import parse
from sqlprov.sql.names import explain_unknown, suggest_name
from sqlprov.sql.statement import CatalogStatement


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    write_services(folder / "aws", 400, 10)
    return folder


@pytest.fixture
def many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog that has read nothing, and loads no table."""

    def load(*name: str) -> None:
        raise AssertionError(name)

    catalog = Catalog([folder])
    monkeypatch.setattr(catalog, "get_table", load)
    return catalog


def ask(catalog: Catalog, text: str) -> list[dict[str, object]]:
    (statement,) = parse(text)
    assert isinstance(statement, CatalogStatement)
    assert statement.is_ours(catalog, ())
    rows: list[dict[str, object]] = statement.answer(catalog, Settings(), (), frozenset).to_pylist()
    return rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SHOW SERVICES IN aws", 400),
        ("SHOW EXTENDED SERVICES IN aws LIKE 'service_1%'", 111),
        ("SHOW TABLES IN aws", 4000),
        ("SHOW TABLES IN aws LIKE 'models'", 400),
        ("SHOW EXTENDED TABLES IN aws.service_7", 10),
        ("SHOW RESOURCES IN aws.service_7", 10),
    ],
)
def test_names_and_titles_load_no_table_and_take_less_than_50_ms(many: Catalog, text: str, rows: int) -> None:
    assert len(ask(many, text)) == rows  # which reads the names, and imports pandas
    took = []
    for _ in range(3):
        began = time.thread_time()
        ask(many, text)
        took.append(time.thread_time() - began)
    assert min(took) < 0.05


def test_a_service_has_its_title_and_description(many: Catalog) -> None:
    (row,) = ask(many, "SHOW EXTENDED SERVICES IN aws LIKE 'service_7'")
    assert (row["id"], row["title"]) == ("aws.service_7", "Service 7")
    assert row["description"] == "Service number 7."


@pytest.mark.parametrize(
    ("head", "title", "about"),
    [
        ("title: 'It''s quoted'\nabout: plain # comment", "It's quoted", "plain"),
        ("title: Two\n  lines\nabout: >-\n  folded\n  text", "Two lines", "folded text"),
        ('title: "a: b"', "a: b", ""),
        ("title: [not text]", "", ""),
        ("title: 'open", "", ""),
    ],
)
def test_a_title_is_read_as_yaml_has_it_and_is_empty_if_it_is_wrong(
    tmp_path: Path, head: str, title: str, about: str
) -> None:
    (tmp_path / "aws").mkdir()
    tables = "tables:\n  models: {list: ListModels, key: model_name}\n"
    (tmp_path / "aws" / "odd.yaml").write_text(f"{head}\nclient: sagemaker\n{tables}")
    assert Catalog([tmp_path]).list_titles("aws") == {"odd": (title, about)}


def test_an_error_names_the_nearest_of_400_services_and_not_all_of_them(many: Catalog) -> None:
    with pytest.raises(UnknownName) as error:
        many.list_tables("aws", "servce_7")
    assert str(error.value) == "Unknown service 'servce_7' in aws. Did you mean 'service_7'?"
    expected = (
        "Unknown service 'servce_7' in aws. Did you mean 'service_7'? SHOW SERVICES IN aws lists all 400."
    )
    assert explain_unknown(many, "aws", "servce_7", "models") == expected


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("aws", "service_7", "modles"), " Did you mean 'aws.service_7.models'?"),
        (("aws", "servce_7", "models"), " Did you mean 'aws.service_7.models'?"),
        (("asw", "service_7", "models"), " Did you mean 'aws.service_7.models'?"),
        (("service_7", "modls"), " Did you mean 'aws.service_7.models'?"),
        (("models_8_of_7",), " Did you mean 'aws.service_7.models_8_of_7'?"),
        (("aws", "regoins"), " Did you mean 'aws.regions'?"),
        (("nothing_like_it",), ""),
    ],
)
def test_the_nearest_name_is_looked_for_in_the_service_first(
    many: Catalog, parts: tuple[str, ...], words: str
) -> None:
    assert suggest_name(many, parts, 3) == words


def test_a_name_of_many_services_suggests_a_few(many: Catalog) -> None:
    hint = suggest_name(many, ("models",), 3)
    assert hint.startswith(" Did you mean 'aws.service_0.models', 'aws.service_1.models'")
    assert hint.endswith(" or one of 397 others? sqlprov.tables lists them.")
