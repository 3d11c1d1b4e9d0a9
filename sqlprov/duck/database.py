"""Opens a DuckDB database. It imports nothing else, so that DuckDB can open while Python imports the rest."""

from __future__ import annotations

import duckdb

from sqlprov.errors import ProgrammingError

MEMORY = ":memory:"


def open_database(database: str = MEMORY, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open `database`: ":memory:" or a file.

    Raises:
        ProgrammingError: it cannot be opened.
    """
    try:
        duck = duckdb.connect(database, read_only=read_only)
    except duckdb.Error as error:
        raise ProgrammingError(f"Cannot open {database!r}: {error}") from None
    # Connection finds variables in the caller's frame; DuckDB would search ours.
    duck.execute("SET GLOBAL python_enable_replacements = false")
    threads = duck.execute("SELECT current_setting('threads')").fetchone()
    if threads is not None and threads[0] < 2:
        # With a single thread, DuckDB passes no row until it has all of them, and LIMIT stops no call.
        duck.execute("SET GLOBAL threads = 2")
    return duck
