"""Expressions that both databases work out alike."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, IntegerField, TextField

from .exports import FORMULA_SIGNS


class DaysBetween(Func):
    """``DaysBetween(last, first)``: the days from one date to another, as a whole number."""

    template = "(%(expressions)s)"
    arg_joiner = " - "
    arity = 2
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        days = self.copy()
        dates = self.get_source_expressions()
        days.set_source_expressions([Func(date, function="JULIANDAY") for date in dates])
        # Two Julian dates at noon differ by a whole number.
        whole = "CAST((%(expressions)s) AS INTEGER)"
        return days.as_sql(compiler, connection, template=whole, **context)


class AsText(Func):
    """A value as the API writes it, worked out by PostgreSQL: no Python object is made of it."""

    output_field = TextField()
    arity = 1


class DayText(AsText):
    """2019-03-31"""

    template = "(%(expressions)s)::text"


class FlagText(AsText):
    """true or false"""

    template = "(%(expressions)s)::text"


class MomentText(AsText):
    """2019-03-31T09:00:00Z, with six decimals where there are any.

    PostgreSQL's own text of a moment leaves out zeros at its end, but takes half as long to write
    as one by a pattern. Nine of ten moments have no such zero.
    """

    template = (
        "CASE WHEN %(expressions)s = %(expressions)s::timestamptz(5) "
        "THEN replace(to_char(%(expressions)s AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000', '') "
        "ELSE replace((%(expressions)s AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z' END"
    )

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        sql, params = super().as_sql(compiler, connection, **context)
        return sql, (*params, *params, *params, *params)


class AmountText(AsText):
    """Two decimals, and more only where they say something (``renderers.decimal_text``)."""

    template = "round(%(expressions)s, greatest(min_scale(%(expressions)s), 2))::text"

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        (source,) = self.get_source_expressions()
        if getattr(source.output_field, "decimal_places", None) == 2:
            return super().as_sql(compiler, connection, template=DayText.template, **context)
        sql, params = super().as_sql(compiler, connection, **context)
        return sql, (*params, *params)


class GuardedText(AsText):
    """A text, with an apostrophe before one that a spreadsheet would run as a formula."""

    template = (
        "CASE WHEN ascii(%(expressions)s) IN ("
        + ", ".join(str(ord(sign)) for sign in FORMULA_SIGNS)
        + ") THEN '''' || %(expressions)s ELSE %(expressions)s END"
    )

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        sql, params = super().as_sql(compiler, connection, **context)
        return sql, (*params, *params, *params)
