"""The commands of psql, mysql and DuckDB's shell: which of ours they are, or what to write instead."""

ALIASES = {
    "G": "gx",
    "c": "conninfo",
    "connect": "conninfo",
    "databases": "d",
    "dn": "d",
    "edit": "e",
    "exit": "q",
    "h": "?",
    "help": "?",
    "include": "i",
    "ir": "i",
    "l": "d",
    "maxrows": "rows",
    "mode": "format",
    "output": "o",
    "quit": "q",
    "read": "i",
    "schema": "d",
    "shell": "!",
    "show": "conninfo",
    "source": "i",
    "status": "conninfo",
    "system": "!",
    "tables": "dt",
    "tee": "o",
    "timer": "timing",
}
"""Commands of psql, mysql and DuckDB's shell -> our own; `.tables` and `\\tables` are the same."""
_WORDS = {
    ("copy", "import"): "write COPY (SELECT …) TO 'file.csv', or COPY t FROM 'file.csv'",
    ("pset", "a", "H", "t", "f", "header", "headers", "separator", "nullvalue", "width", "columns"): (
        "\\format chooses the format of rows, \\x one column per line, \\rows how many, \\timing the summary"
    ),
    ("set", "unset"): "write SET and the setting's name; \\vi on chooses the keys of vi",
    ("if", "elif", "else", "endif", "prompt", "gset", "gexec", "bind"): (
        "the shell has no variables or conditions; SET VARIABLE x = … keeps a value for getvariable('x')"
    ),
    ("echo", "qecho", "warn", "print"): "write SELECT 'text'",
    ("df", "da", "do", "dT"): "write FROM duckdb_functions(), or FROM duckdb_types()",
    ("dv", "dm", "sv", "sf"): "write FROM duckdb_views() WHERE NOT internal",
    ("di", "indexes", "indices"): "write FROM duckdb_indexes(); live tables have none",
    ("ds",): "write FROM duckdb_sequences()",
    ("dx", "extensions"): "write FROM duckdb_extensions()",
    ("du", "dg", "dp", "z", "password"): "IAM decides who may do what; sqlprov doctor shows what you may",
    ("dd",): "write DESCRIBE EXTENDED and the table's name",
    ("gdesc",): "write DESCRIBE SELECT …",
    ("crosstabview",): "write PIVOT … ON … IN (…)",
    ("errverbose",): "write FROM sqlprov.errors",
    ("encoding",): "text is UTF-8",
    ("s", "history"): "Ctrl-R searches the history",
    ("w", "save"): "\\ns name saves the last statement",
    ("p", "r", "reset"): "\\e edits the last statement, and Ctrl-C discards a line",
    ("use", "u"): "write USE aws.sagemaker",
    ("open",): "write ATTACH 'file.duckdb', or start with --database",
    ("dump",): "write EXPORT DATABASE 'folder'",
    ("version",): "write SHOW VERSION",
    ("once",): "write COPY (SELECT …) TO 'file.csv'; \\o sends the rows of all further statements to a file",
    ("cd",): "start the shell in the folder, or write whole paths",
}
INSTEAD = {word: instead for words, instead in _WORDS.items() for word in words}
"""Commands of psql, mysql and DuckDB's shell that have another form here -> what to write."""
