"""Charts drawn on the server: Vega-Lite in, SVG out, no script in the page.

The same SVG serves page and print. Every chart stands with its table; colour never is the only
sign, since the legend and the marks carry words too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import vl_convert
from django.core.cache import cache
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

# Told apart in print and by the colour-blind: lightness differs from neighbour to neighbour.
PALETTE = ["#0033a0", "#9cc2f0", "#d9763d", "#5b6678", "#f2b544", "#4f8ad9", "#1e7b4a", "#b48ac9"]
# Lines are thin: those of pale colours would be lost.
LINES = ["#0033a0", "#d9763d", "#1e7b4a", "#5b6678", "#4f8ad9", "#b48ac9"]
DASHES = [[1, 0], [5, 3], [2, 2], [8, 3, 2, 3]]
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif"
A_WEEK = 7 * 24 * 3600


def stacked_bars(
    values: Sequence[dict[str, Any]], *, x: str, y: str, series: str, description: str
) -> SafeString:
    """Bars by ``x``, stacked by ``series``, of height ``y``, in the order of ``order``."""
    return _svg(
        {
            "mark": {"type": "bar", "width": {"band": 0.6}},
            "encoding": {
                "x": {"field": x, "type": "ordinal", "title": None, "axis": {"labelAngle": 0}},
                "y": {"field": y, "type": "quantitative", "title": None, "axis": {"format": "~s"}},
                "color": {
                    "field": series,
                    "type": "nominal",
                    "sort": None,
                    "scale": {"range": PALETTE},
                    "legend": {
                        "orient": "bottom",
                        "title": None,
                        "columns": 2,
                        # Browsers' letters may be wider than those the places are reckoned with.
                        "columnPadding": 48,
                        "labelLimit": 0,
                    },
                },
                "order": {"field": "order", "type": "quantitative"},
            },
        },
        values,
        description,
    )


def paired_bars(
    values: Sequence[dict[str, Any]],
    *,
    row: str,
    x: str,
    series: str,
    order: Sequence[str],
    description: str,
) -> SafeString:
    """Lying bars of length ``x``, those of one ``row`` below each other, one a ``series``.

    ``order`` has all that ``series`` may say, in the order from above."""
    return _svg(
        {
            "height": {"step": 14},
            "mark": {"type": "bar"},
            "encoding": {
                "y": {"field": row, "type": "nominal", "sort": None, "title": None},
                "yOffset": {"field": series, "sort": list(order)},
                "x": {"field": x, "type": "quantitative", "title": None},
                "color": {
                    "field": series,
                    "type": "nominal",
                    "scale": {"domain": list(order), "range": PALETTE},
                    "legend": {
                        "orient": "bottom",
                        "title": None,
                        "columnPadding": 48,
                        "labelLimit": 0,
                    },
                },
            },
        },
        values,
        description,
    )


def trend_line(
    values: Sequence[dict[str, Any]], *, x: str, y: str, description: str, target: Any = None
) -> SafeString:
    """A line by ``x`` with a point a value; where a target is set, a dashed line marks it."""
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "line", "point": {"size": 60, "filled": True}, "color": PALETTE[0]},
            "encoding": {
                "x": {"field": x, "type": "ordinal", "title": None, "axis": {"labelAngle": 0}},
                "y": {
                    "field": y,
                    "type": "quantitative",
                    "title": None,
                    "scale": {"zero": True},
                    "axis": {"format": "~s"},
                },
            },
        }
    ]
    return _svg({"layer": [*layers, *_target_line(target)]}, values, description)


def small_lines(
    values: Sequence[dict[str, Any]],
    *,
    x: str,
    y: str,
    series: str,
    description: str,
    target: Any = None,
) -> SafeString:
    """A small chart, one of many beside each other: a line a ``series``, told apart by a legend
    where there are several, and the target as a dashed line."""
    names = list(dict.fromkeys(row[series] for row in values))
    spans = list(dict.fromkeys(row[x] for row in values))
    line: dict[str, Any] = {
        "mark": {"type": "line", "point": {"size": 24, "filled": True}, "strokeWidth": 1.6},
        "encoding": {
            "x": {
                "field": x,
                "type": "ordinal",
                "sort": None,
                "title": None,
                # The first and the last: between them there is no room for words.
                "axis": {"labelAngle": 0, "values": [spans[0], spans[-1]], "labelOverlap": False},
            },
            "y": {
                "field": y,
                "type": "quantitative",
                "title": None,
                "scale": {"zero": True},
                "axis": {"format": "~s", "tickCount": 3},
            },
            "color": {
                "field": series,
                "type": "nominal",
                "sort": None,
                "scale": {"domain": names, "range": LINES},
                "legend": {"orient": "bottom", "title": None, "labelLimit": 0, "columns": 2}
                if len(names) > 1
                else None,
            },
            # Lines are told apart without their colour, too.
            "strokeDash": {
                "field": series,
                "type": "nominal",
                "sort": None,
                "scale": {"domain": names, "range": DASHES},
            },
        },
    }
    layers = [line, *_target_line(target)]
    svg = _drawn({"width": 240, "height": 84, "layer": layers}, values, 240)
    # Small on every screen: there is one drawing.
    label = f'<svg role="img" aria-label="{escape(description)}" '
    return mark_safe(svg.replace("<svg ", label, 1))  # noqa: S308 (drawn here, from numbers)


def _target_line(target: Any) -> list[dict[str, Any]]:
    if target is None:
        return []
    return [
        {
            # Its number stands beside the chart; a screen reader is told of the lines.
            "mark": {"type": "rule", "strokeDash": [6, 4], "color": "#5b6678", "aria": False},
            "encoding": {"y": {"datum": float(target)}},
        }
    ]


def _svg(spec: dict[str, Any], values: Sequence[dict[str, Any]], description: str) -> SafeString:
    """The drawing for wide and for narrow screens, of which the page shows one."""
    wide = _drawn(spec, values, 460)
    narrow = _drawn(*_in_one_column(spec, values), 250)
    # The drawing is one picture to a screen reader; its table holds the values.
    label = f'role="img" aria-label="{escape(description)}" '
    both = [
        svg.replace("<svg ", f'<svg data-for="{screen}" {label}', 1)
        for screen, svg in (("wide", wide), ("narrow", narrow))
    ]
    return mark_safe("".join(both))  # noqa: S308 (drawn here, from numbers)


def wide_only(svgs: str) -> str:
    """The drawing for wide screens alone, as paper takes it."""
    return svgs.partition('<svg data-for="narrow"')[0]


def _in_one_column(
    spec: dict[str, Any], values: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
    """The same with the words of its legend below each other, long ones on several lines."""
    encoding = spec.get("encoding", {})
    color = encoding.get("color", {})
    if not color.get("legend"):
        return spec, values
    legend = {**color["legend"], "columns": 1, "labelExpr": "split(datum.label, '\\n')"}
    series = color["field"]
    if "domain" in color["scale"]:  # short words, which the drawing knows as they are
        return {**spec, "encoding": {**encoding, "color": {**color, "legend": legend}}}, values
    broken = [{**value, series: "\n".join(wrap(value[series], 32))} for value in values]
    return {**spec, "encoding": {**encoding, "color": {**color, "legend": legend}}}, broken


def _drawn(spec: dict[str, Any], values: Sequence[dict[str, Any]], width: int) -> str:
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": width,
        "height": 220,
        "background": None,
        "data": {"values": list(values)},
        "config": {
            "font": FONT,
            "view": {"stroke": None},
            "axis": {
                "labelColor": "#566175",
                "labelFontSize": 11,
                "gridColor": "#dfe4ec",
                "domainColor": "#dfe4ec",
                "tickColor": "#dfe4ec",
            },
            "axisX": {"grid": False},
            "legend": {"labelColor": "#1b2433", "labelFontSize": 11},
        },
        **spec,
    }
    text = json.dumps(whole, sort_keys=True, default=str)
    key = "chart:" + hashlib.sha256(text.encode()).hexdigest()
    svg: str | None = cache.get(key)
    if svg is None:
        svg = vl_convert.vegalite_to_svg(text)
        cache.set(key, svg, A_WEEK)
    return svg
