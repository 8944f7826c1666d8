"""Answers are packed for whoever takes it; what stands at the beginning goes out at once."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import brotli  # type: ignore[import-untyped]
import pytest

from iscm_portal.common import compression
from tests.api.client import Api, body
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("header", "way"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("*", "br"),
        ("*;q=0", ""),
        ("identity", ""),
        ("br;q=0.5;gzip", ""),
        ("gzip;q=x", ""),
        ("GZIP ; q=0.2", "gzip"),
    ],
)
def test_the_best_way_that_the_reader_takes_is_taken(header: str, way: str) -> None:
    assert compression.accepted(header) == way


@pytest.mark.parametrize("way", ["br", "gzip"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_packed_answers_hold_what_the_others_hold(way: str, form: str) -> None:
    make.CountryFactory.create_batch(30)
    api = Api()
    plain = api.get("countries/", format=form)
    response = api.client.get(f"/api/v1/countries/?format={form}", headers={"Accept-Encoding": way})
    content = body(response)
    assert response["Content-Encoding"] == way
    assert "Accept-Encoding" in response["Vary"]
    assert "Accept-Encoding" in plain["Vary"]
    assert response["ETag"] == plain["ETag"]
    assert len(content) < len(body(plain)) / 2
    unpack = brotli.decompress if way == "br" else gzip.decompress
    assert unpack(content) == body(api.get("countries/", format=form))


@pytest.mark.parametrize("way", ["br", "gzip"])
def test_the_first_part_goes_out_before_the_second_is_there(way: str) -> None:
    asked = []

    def parts() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield f"part {number}\n".encode() * 50

    packed = compression.packed(parts(), compression.PACKERS[way]())
    first = next(packed)
    assert asked == [0]
    read = (
        zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(first)
        if way == "gzip"
        else brotli.Decompressor().process(first)
    )
    assert read == b"part 0\n" * 50


def test_a_reader_that_goes_away_ends_what_is_packed() -> None:
    ended = []

    def parts() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 100
        finally:
            ended.append(True)

    packed = compression.packed(parts(), compression.Gzip())
    next(packed)
    packed.close()
    assert ended == [True]


def test_a_workbook_is_packed_already_and_a_short_answer_is_sent_as_it_is() -> None:
    theme = make.ThemeFactory()
    api = Api()
    for place in ("themes/?format=xlsx", f"themes/{theme.pk}/?fields=id"):
        response = api.client.get(f"/api/v1/{place}", headers={"Accept-Encoding": "br, gzip"})
        assert body(response)
        assert "Content-Encoding" not in response
