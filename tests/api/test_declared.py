"""What calls at random seldom meet: each answer is one that the OpenAPI document declares, with
what it says and what stands in its head."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db.models import CharField
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from iscm_portal.common.api_document import HEADERS
from iscm_portal.common.choices import Scope
from tests.api.client import LISTS, Api, view_of
from tests.api.test_openapi_examples import as_json_schema
from tests.api.writer import Writer
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

FINANCE = [Scope.READ_FINANCE, Scope.WRITE_FINANCE]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def check(document: Any, method: str, answer: Any, status: int) -> None:
    """That ``answer`` is declared at its address, in its body and its head."""
    assert answer.status_code == status, answer.content
    path = re.sub(r"/\d+/", "/{id}/", answer.request["PATH_INFO"])
    declared = document["paths"][path][method]["responses"][str(status)]
    found = {name for name in HEADERS if name in answer}
    assert found <= declared.get("headers", {}).keys()
    if "content" not in declared:
        assert not answer.content
        return
    (kind, content), *_others = declared["content"].items()
    assert answer["Content-Type"].startswith(kind)
    schema = {
        **as_json_schema(content["schema"]),
        "components": as_json_schema(document["components"]),
    }
    Draft202012Validator(schema).validate(answer.json())


@pytest.mark.parametrize("name", [*LISTS, "resources"])
def test_what_is_read_is_declared_with_its_head(document: Any, name: str):
    record, places = (None, [f"{name}/"]) if name == "resources" else (LISTS[name][1](), [])
    if record is not None:
        (row, *_others) = Api().results(f"{name}/")
        places = [f"{name}/", f"{name}/{row['id']}/"]
    api = Api()
    for place in places:
        first = api.get(place)
        assert {"ETag", "RateLimit-Remaining"} <= {header for header in HEADERS if header in first}
        check(document, "get", first, 200)
        same = api.client.get(f"/api/v1/{place}", headers={"If-None-Match": first["ETag"]})
        check(document, "get", same, 304)
        other = api.client.get(f"/api/v1/{place}", headers={"Accept": "text/html"})
        check(document, "get", other, 406)
        check(document, "get", Api().get(place, nonsense="1"), 400)
        unknown = api.client.get(f"/api/v1/{place}", headers={"Authorization": ""})
        check(document, "get", unknown, 401)


@pytest.fixture
def line() -> dict[str, Any]:
    iscm = make.ISCMFactory()
    return {
        "label": "Secretariat",
        "year": 2026,
        "source_of_funds": "osi",
        "supports": "iscm",
        "iscm": iscm.slug,
        "amount_usd": "1",
    }


def test_what_is_written_and_refused_is_declared(document: Any, line: dict[str, Any]):
    officer = Writer("finance", FINANCE)
    for body in ([], [{}] * 101, "x", None, 1, ["x"], [line, line | {"year": 1}], {}, {"id": 1}):
        check(document, "post", officer.post("funding-lines/", body), 400)
    for body in (b"{", b"[" * 100_000, b""):
        place = "/api/v1/funding-lines/"
        answer = officer.client.post(place, body, content_type="application/json")
        check(document, "post", answer, 400)
    check(document, "post", officer.post("funding-lines/", line, Idempotency_Key="x" * 101), 400)
    made = officer.post("funding-lines/", line, Idempotency_Key="k")
    check(document, "post", made, 201)
    check(document, "post", officer.post("funding-lines/", [line, line]), 201)
    check(document, "post", officer.post("funding-lines/", [], Idempotency_Key="k"), 422)
    address = f"funding-lines/{made.json()['id']}/"
    check(document, "patch", officer.send("PATCH", address, {"label": "Other"}), 428)
    check(document, "patch", officer.change(made, address, {"amount_usd": "2"}), 400)
    check(document, "patch", officer.change(made, address, {"label": "Other"}), 200)
    check(document, "patch", officer.change(made, address, {"label": "More"}), 412)
    check(document, "delete", officer.send("DELETE", address, {}, If_Match="*"), 400)


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_what_is_no_json_and_what_can_t_be_answered_as_json_is_declared(document: Any, method: str):
    officer, line = Writer("finance", FINANCE), money.FundingLineFactory()
    place = f"/api/v1/funding-lines/{'' if method == 'post' else f'{line.pk}/'}"
    call, seen = getattr(officer.client, method), {"If-Match": "*"}
    check(document, method, call(place, "x", content_type="text/plain", headers=seen), 415)
    check(document, method, call(place, headers={**seen, "Accept": "text/csv"}), 406)


def test_what_is_wrong_with_the_rows_of_a_record_is_declared(document: Any):
    officer, post = Writer("finance", FINANCE), money.PositionFactory()
    address = f"positions/{post.pk}/"
    seen = officer.get(address)
    for rows in (["x"], [{}], [{"iscm": "nowhere"}], {}, [{}] * 101):
        answer = officer.change(seen, address, {"shares": rows, "reason": "Plan."})
        check(document, "patch", answer, 400)


def test_a_refusal_that_belongs_to_no_field_is_one_text_wherever_it_stands():
    officer, post = Writer("finance", FINANCE), money.PositionFactory()
    assert isinstance(officer.post("funding-lines/", []).json()["detail"], str)
    (row,) = officer.post("funding-lines/", ["x"]).json()["rows"]
    assert isinstance(row["errors"]["detail"], str)
    address = f"positions/{post.pk}/"
    body = {"shares": ["x"], "reason": "Plan."}
    (row,) = officer.change(officer.get(address), address, body).json()["shares"]
    assert isinstance(row["errors"]["detail"], str)


# --- what may be sent

WRITTEN = [name for name in LISTS if hasattr(view_of(name), "form_class")]


def body_of(document: Any, name: str) -> dict[str, Any]:
    content = document["paths"][f"/api/v1/{name}/"]["post"]["requestBody"]["content"]
    return dict(content["application/json"]["schema"]["oneOf"][0]["properties"])


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_read_as_one_of_some_codes_is_written_as_one_of_them(document: Any, name: str):
    answers = document["paths"][f"/api/v1/{name}/{{id}}/"]["get"]["responses"]
    ref = answers["200"]["content"]["application/json"]["schema"]["$ref"]
    read = document["components"]["schemas"][ref.rpartition("/")[2]]["properties"]
    sent = body_of(document, name)
    coded = {field for field in sent.keys() & read.keys() if "enum" in read[field]}
    assert coded or name == "agenda-items"
    for field in coded:
        assert set(read[field]["enum"]) - {"", None} == set(sent[field]["enum"]) - {"", None}
        assert (None in sent[field]["enum"]) == sent[field].get("nullable", False)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_length_of_a_text_is_declared_as_the_database_has_it(document: Any, name: str):
    sent, model = body_of(document, name), view_of(name).queryset.model
    for field in sent.keys() & {column.name for column in model._meta.concrete_fields}:
        column = model._meta.get_field(field)
        if isinstance(column, CharField) and not column.choices:
            assert sent[field]["maxLength"] == column.max_length, field


def test_what_is_declared_to_be_so_where_it_is_not_sent_is_so(document: Any, line: Any):
    usual = {
        field: told["default"]
        for field, told in body_of(document, "funding-lines").items()
        if "default" in told
    }
    assert usual == {"is_counted": True}
    made = Writer("finance", FINANCE).post("funding-lines/", line).json()
    assert {field: made[field] for field in usual} == usual


def test_what_changes_is_not_declared_to_be_as_in_a_new_record(document: Any):
    operation = document["paths"]["/api/v1/funding-lines/{id}/"]["patch"]
    fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert "enum" in fields["confidence"]
    assert not any("default" in told for told in fields.values())


@pytest.mark.parametrize("value", ["no", "false", "", 0, 1])
def test_yes_or_no_is_said_as_such(line: Any, value: Any):
    answer = Writer("finance", FINANCE).post("funding-lines/", line | {"is_counted": value})
    assert (answer.status_code, answer.json()) == (400, {"is_counted": ["Give true or false."]})


# --- limits


def test_too_many_calls_are_declared(document: Any, settings: Any):
    settings.API_CALLS_PER_MINUTE = 1
    api = Api()
    api.get("themes/")
    late = api.get("themes/")
    assert "Retry-After" in late
    check(document, "get", late, 429)
