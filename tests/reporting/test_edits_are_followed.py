"""Whatever is edited by hand, the figures follow: then the auditor finds nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model

from engagements import models
from iscm_portal.common import outbox
from reporting.services.auditing import audit
from reporting.services.compiling import compile_indicators
from tests.factories.engagements import EventFactory, OfficeFactory, UserFactory
from tests.factories.reporting import KnowledgeAnswerFactory
from tests.reporting.evidence import evidence_of_every_kind, indicators

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 3, 0, tzinfo=dt.UTC)


@pytest.fixture
def admin(client):
    client.force_login(UserFactory(access_group="ipd", office=OfficeFactory(), is_staff=True))
    return client


@pytest.fixture
def published():
    """Evidence of every kind, and answers of a year after their event's, as published."""
    indicators()
    evidence_of_every_kind()
    late = EventFactory(starts_on=dt.date(2025, 12, 30), ends_on=dt.date(2025, 12, 31))
    KnowledgeAnswerFactory.create_batch(3, event=late, answered_on=dt.date(2026, 1, 10))
    compile_indicators(2025, 2026, NOW, whole=True)
    assert audit(NOW).differing == 0


def sent(form: Any) -> dict[str, Any]:
    """What a browser sends of a form that nobody has touched."""
    told = {}
    for field in form:
        value = field.value()
        widgets = getattr(field.field.widget, "widgets", None)
        if widgets:
            parts = field.field.widget.decompress(value)
            told |= {f"{field.html_name}_{at}": part or "" for at, part in enumerate(parts)}
        elif isinstance(value, bool):
            told |= {field.html_name: "on"} if value else {}
        elif isinstance(value, (list, tuple)):
            told[field.html_name] = [getattr(one, "pk", one) for one in value]
        else:
            told[field.html_name] = "" if value is None else value
    return told


def edit(client: Any, record: Model, **fields: Any) -> None:
    address = f"/admin/{record._meta.app_label}/{record._meta.model_name}/{record.pk}/change/"
    page = client.get(address).context
    told = sent(page["adminform"].form)
    for inline in page["inline_admin_formsets"]:
        told |= sent(inline.formset.management_form)
        for form in inline.formset.forms:
            told |= sent(form)
    answer = client.post(address, told | fields)
    assert answer.status_code == 302, answer.context["errors"]


def a_record(model: Any, **found_by: Any) -> Model:
    record: Model = model.objects.filter(**found_by).first()
    return record


EDITS: dict[str, Callable[[], tuple[Model, dict[str, Any]]]] = {
    "kind of an organisation": lambda: (
        a_record(models.Organisation, partnerships__isnull=False),
        {"kind": "academia"},
    ),
    "region of a country": lambda: (a_record(models.Country, region="Africa"), {"region": "Asia"}),
    "slug of an office": lambda: (a_record(models.Delegate).office, {"slug": "another"}),
    "code of a theme": lambda: (a_record(models.Theme, iscms__isnull=False), {"code": "another"}),
    "type of a mechanism": lambda: (a_record(models.ISCM, type="irf"), {"type": "global"}),
    "kind of an event with answers of the year after": lambda: (
        a_record(models.Event, starts_on__year=2025),
        {"kind": "summit"},
    ),
    "year of an event": lambda: (
        a_record(models.Event, delegates__isnull=False),
        {"starts_on": "2025-05-01", "ends_on": "2025-05-02"},
    ),
    "day of a request": lambda: (
        a_record(models.SupportRequest),
        {"asked_on": "2025-05-01", "answered_on": "2025-06-01"},
    ),
    "kind of a member": lambda: (
        a_record(models.Membership, country__isnull=False),
        {"kind": "observer"},
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_the_figures_follow_an_edit_of_the(what: str, admin: Any, published: None):
    record, fields = EDITS[what]()
    edit(admin, record, **fields)
    assert audit(NOW).waiting > 0
    assert outbox.deliver(NOW) > 0
    run = audit(NOW)
    assert (run.differing, run.waiting, run.differences) == (0, 0, [])


def test_what_figures_are_cut_by_is_deleted_one_by_one(admin: Any, published: None):
    for name in ("membership", "iscm", "office", "theme", "organisation", "country"):
        page = admin.get(f"/admin/engagements/{name}/")
        assert "delete_selected" not in page.text
    member = a_record(models.Membership, country__isnull=False)
    admin.post(f"/admin/engagements/membership/{member.pk}/delete/", {"post": "yes"})
    assert not models.Membership.objects.filter(pk=member.pk).exists()
    outbox.deliver(NOW)
    run = audit(NOW)
    assert (run.differing, run.waiting) == (0, 0)
