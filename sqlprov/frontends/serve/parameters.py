"""The run-time parameters of a session, which drivers SET and SHOW, under PostgreSQL's names."""

from __future__ import annotations

from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.version import VERSION as SQLPROV_VERSION

VERSION = "15.18"
"""The version of PostgreSQL whose catalog is served."""
REPORTED = (
    *("server_version", "server_encoding", "client_encoding", "application_name", "is_superuser"),
    *("session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes"),
    *("standard_conforming_strings", "default_transaction_read_only", "in_hot_standby"),
)
"""Those whose value the server sends when it changes."""
FIXED = {
    "server_version": VERSION,
    "server_version_num": "150018",
    "server_encoding": "UTF8",
    "integer_datetimes": "on",
    "is_superuser": "off",
    "session_authorization": "",
    "in_hot_standby": "off",
    "max_identifier_length": "63",
    "max_index_keys": "32",
    "block_size": "8192",
    "lc_collate": "C",
    "lc_ctype": "C",
    "data_checksums": "off",
}
DEFAULTS = {
    "client_encoding": "UTF8",
    "application_name": "",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "default_transaction_read_only": "off",
    "transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "transaction_isolation": "read committed",
    "transaction_deferrable": "off",
    "search_path": "main",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "client_min_messages": "notice",
    "log_statement": "none",
    "row_security": "on",
    "jit": "off",
    "synchronous_commit": "on",
    "synchronize_seqscans": "on",
    "backslash_quote": "safe_encoding",
    "escape_string_warning": "on",
    "check_function_bodies": "on",
    "default_tablespace": "",
    "default_table_access_method": "heap",
    "quote_all_identifiers": "off",
    "geqo": "on",
    "enable_seqscan": "on",
    "cursor_tuple_fraction": "0.1",
    "plan_cache_mode": "auto",
    "work_mem": "4MB",
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "role": "none",
    "tcp_keepalives_idle": "0",
}
_BY_LOWER = {name.lower(): name for name in (*FIXED, *DEFAULTS)}
_ONLY = {
    "client_encoding": ("UTF8", "UTF-8", "UNICODE", "SQL_ASCII"),
    "IntervalStyle": ("POSTGRES",),
    "standard_conforming_strings": ("ON", "TRUE", "1"),
    "bytea_output": ("HEX",),
    "xmloption": ("CONTENT", "DOCUMENT"),
}
"""Values that do not change the format of what is sent."""


class Parameters:
    """The values of one session.

    Args:
        user: whoever logged in.
    """

    def __init__(self, user: str) -> None:
        self._values = {**FIXED, **DEFAULTS, "session_authorization": user}
        self._initial: dict[str, str] = {}

    def find(self, name: str) -> str | None:
        """The parameter's own spelling; `None` if it is not one of PostgreSQL's."""
        return _BY_LOWER.get(name.lower())

    def get(self, name: str) -> str:
        """The value of a parameter in its own spelling."""
        return self._values[name]

    def find_value(self, name: str) -> str | None:
        """The value of a parameter in any spelling; `None` if it is not one of PostgreSQL's."""
        known = self.find(name)
        return None if known is None else self._values[known]

    def describe_version(self) -> str:
        """What version() returns: clients look for the number."""
        return f"PostgreSQL {VERSION} (sqlprov {SQLPROV_VERSION})"

    def list_all(self) -> list[tuple[str, str]]:
        """Names and values, as SHOW ALL lists them."""
        return sorted(self._values.items(), key=lambda item: item[0].lower())

    def set(self, name: str, value: str | None) -> str:
        """Change a parameter, to its first value if `value` is `None`; return the value.

        Raises:
            ServerError: it cannot be changed, or the server cannot do what the value asks for.
        """
        if name in FIXED:
            raise ServerError("55P02", f'parameter "{name}" cannot be changed')
        if value is None:
            value = self._initial.get(name, DEFAULTS[name])
        if name == "DateStyle" and not value.upper().startswith("ISO"):
            raise ServerError("0A000", f"DateStyle = {value!r}: dates are sent as ISO only.")
        if name.endswith("transaction_read_only"):
            value = _parse_switch(name, value)
        if name in _ONLY and value.strip("'\" ").upper() not in _ONLY[name]:
            raise ServerError("0A000", f"{name} = {value!r}: expected {' or '.join(_ONLY[name][:1])}.")
        self._values[name] = value = "ISO, MDY" if name == "DateStyle" else value
        return value

    def restore_access(self) -> None:
        """Let the next transaction write, unless `default_transaction_read_only` is on."""
        self._values["transaction_read_only"] = self._values["default_transaction_read_only"]

    def keep_initial(self) -> None:
        """Make the present values those that RESET restores."""
        self._initial = {name: self._values[name] for name in DEFAULTS}

    def reset_all(self) -> None:
        """Give every parameter its first value."""
        self._values |= self._initial


def _parse_switch(name: str, value: str) -> str:
    text = value.strip("'\" ").lower()
    if text not in ("on", "true", "yes", "1", "off", "false", "no", "0"):
        raise ServerError("22023", f"{name} = {value!r}: expected on or off.")
    return "on" if text in ("on", "true", "yes", "1") else "off"


def parse_milliseconds(value: str) -> int:
    """A time such as `5s`, `200ms`, `1min` or `3000`, in milliseconds.

    Raises:
        ServerError: it is none.
    """
    units = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "": 1}
    text = value.strip("'\" ")
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    if not number.isdecimal() or unit not in units:
        raise ServerError("22023", f"{value!r} is not a time. Expected milliseconds, or a time such as '5s'.")
    return int(number) * units[unit]
