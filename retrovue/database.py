"""Database: how DuckDB is opened here, by whoever opens it."""

from __future__ import annotations

Settings = dict[str, str | bool | int | float | list[str]]


def settings(memory_limit: str = "256MB") -> Settings:
    """No extension is ever fetched or loaded behind the operator's back. One thread and little memory are
    plenty, for the machine's cores belong to the encoders; and a process without threads can be forked while
    its database is open."""
    import duckdb

    alone: Settings = {"threads": "1"}
    if int(duckdb.__version__.partition(".")[0]) >= 2:
        alone["async_threads"] = "0"  # DuckDB 2 starts eight for its files, whatever ``threads`` says
    return {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory_limit,
        **alone,
    }
