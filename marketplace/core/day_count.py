"""How many days lie between two dates, in SQL: the databases say it differently."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class days_between(FunctionElement[int]):  # noqa: N801 - called like the functions of SQL
    """`days_between(first, last)`: whole days, 0 on the same day."""

    type = Integer()
    inherit_cache = True


@compiles(days_between)
def _by_subtraction(element: days_between, compiler: SQLCompiler, **given: Any) -> str:
    first, last = (compiler.process(date, **given) for date in element.clauses)
    return f"({last} - {first})"


@compiles(days_between, "sqlite")
def _by_julian_days(element: days_between, compiler: SQLCompiler, **given: Any) -> str:
    first, last = (compiler.process(date, **given) for date in element.clauses)
    return f"CAST(julianday({last}) - julianday({first}) AS INTEGER)"
