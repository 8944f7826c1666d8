"""How a value of a record is said on pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Position, PositionShare


def said(field: Any, value: Any) -> str:
    """``value`` of the model's ``field`` in words; "" for nothing. Numbers keep all they know."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if getattr(field, "flatchoices", None):
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, Decimal):
        return number_format(value, decimal_pos=_decimals(value), force_grouping=True)
    if isinstance(value, dt.datetime):
        return date_format(value, "j F Y, H:i")
    if isinstance(value, dt.date):
        return date_format(value, "j F Y")
    return str(value)


def with_shares(post: Position) -> str:
    """A post with its grade and what it counts for: "Policy Officer (P3): RCM 20%"."""
    shares = [
        f"{share.iscm.acronym} {_('unknown share') if share.share_pct is None else _pct(share)}"
        for share in post.shares.all()
    ]
    name = f"{post.title} ({post.grade})" if post.grade else post.title
    return f"{name}: {', '.join(shares)}" if shares else name


def _pct(share: PositionShare) -> str:
    return f"{said(None, share.share_pct)}%"


def rate_of_line(line: Any) -> str:
    """At which rate a line was converted, and which is on record (``currency.at_another_rate``)."""
    words = {"used": said(None, line.rate_used), "now": said(None, line.rate_on_record)}
    if line.rate_on_record is None:
        return _("converted at %(used)s, no rate is on record for its day") % words
    return _("converted at %(used)s, the rate on record is %(now)s") % words


def lacking(missing: Mapping[str, Any]) -> list[str]:
    """What a total lacks, each in words with its number, by the names of ``Investment.missing``."""
    shares, posts = missing["unknown_shares"], missing["posts_without_share"]
    without_rate, without_payer = missing["days_without_rate"], missing["days_without_payer"]
    told = []
    if shares:
        text = ngettext("%(n)s share of a project", "%(n)s shares of projects", shares)
        told.append(text % {"n": shares})
    if posts:
        text = ngettext("%(n)s share of a post", "%(n)s shares of posts", posts)
        told.append(text % {"n": posts})
    if without_rate:
        text = ngettext(
            "the rate of %(n)s staff day",
            "the rate of %(n)s staff days",
            1 if without_rate == 1 else 2,
        )
        told.append(text % {"n": said(None, without_rate)})
    if without_payer:
        text = ngettext(
            "the payer of %(n)s staff day",
            "the payer of %(n)s staff days",
            1 if without_payer == 1 else 2,
        )
        told.append(text % {"n": said(None, without_payer)})
    return told


def _decimals(number: Decimal) -> int:
    """0 for whole numbers, else two or as many as say something."""
    exponent = number.normalize().as_tuple().exponent
    known = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return max(2, known) if known else 0
