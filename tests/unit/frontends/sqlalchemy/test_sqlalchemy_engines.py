from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, exc, inspect, make_url, text

from sqlprov.emulator import Emulator
from sqlprov.frontends.sqlalchemy import Dialect


def arguments(url: str) -> dict[str, object]:
    return Dialect().create_connect_args(make_url(url))[1]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlprov://", {"database": ":memory:", "settings": {}}),
        ("sqlprov:///kept.duckdb", {"database": "kept.duckdb", "settings": {}}),
        ("sqlprov:////tmp/kept.duckdb", {"database": "/tmp/kept.duckdb", "settings": {}}),
        (
            "sqlprov://?region=us-east-1&region=eu-west-1&profile=prod&endpoint_url=http://localhost:1",
            {
                "database": ":memory:",
                "region": "us-east-1,eu-west-1",
                "profile": "prod",
                "endpoint_url": "http://localhost:1",
                "settings": {},
            },
        ),
        (
            "sqlprov://?local=1&read_only=false&on_error=warn",
            {"database": ":memory:", "local": True, "read_only": False, "settings": {"on_error": "warn"}},
        ),
    ],
)
def test_a_url_has_the_arguments_of_connect(url: str, expected: dict[str, object]) -> None:
    assert arguments(url) == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlprov://file.duckdb", "three slashes"),
        ("sqlprov://me:secret@/x", r"three slashes"),
        ("sqlprov://?local=perhaps", "write one of 1, true"),
    ],
)
def test_an_invalid_url_is_refused_with_advice(url: str, message: str) -> None:
    with pytest.raises(exc.ArgumentError, match=message) as error:
        arguments(url)
    assert "secret" not in str(error.value)


def test_an_unknown_setting_suggests_the_nearest(em: Emulator) -> None:
    with pytest.raises(exc.ProgrammingError, match="Did you mean 'sqlprov_regions'"):
        create_engine(f"sqlprov://?regoins=all&endpoint_url={em.url}").connect()


def test_a_file_keeps_its_tables(tmp_path: Path) -> None:
    url = f"sqlprov:///{tmp_path}/kept.duckdb"
    for statement in ("CREATE TABLE kept AS SELECT 42 AS n", "SELECT n FROM kept"):
        engine = create_engine(url)
        with engine.begin() as con:
            result = con.execute(text(statement))
            rows = result.all() if result.returns_rows else []
        engine.dispose()
    assert rows == [(42,)]


def test_the_connections_of_an_engine_share_one_database_until_it_is_disposed_of(em: Emulator) -> None:
    engine = create_engine(f"sqlprov://?endpoint_url={em.url}")
    with engine.connect() as one, engine.connect() as other:
        one.execute(text("CREATE TABLE shared AS SELECT 1 AS n"))
        assert other.execute(text("SELECT n FROM shared")).scalar() == 1
    assert inspect(engine).get_table_names() == ["shared"]
    engine.dispose()
    assert inspect(engine).get_table_names() == []
    engine.dispose()
