"""Expressions that both databases work out alike."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, IntegerField


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
