"""The auditor finds what is wrong, whatever it is, and nothing where nothing is."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from engagements.models import Partnership
from iscm_portal.common import health, outbox
from iscm_portal.common.models import OutboxMessage
from iscm_portal.common.snapshot import one_snapshot
from reporting.measures import MEASURES
from reporting.models import (
    AuditRun,
    EvidenceSum,
    IndicatorValue,
    PublishedValue,
    SatisfactionAnswer,
)
from reporting.selectors.audits import latest_audit
from reporting.services.auditing import audit
from reporting.services.auditing.comparing import Difference
from reporting.services.auditing.money import MONEY
from reporting.services.auditing.readings import READINGS
from reporting.services.compiling import compile_change, compile_indicators
from tests.factories.engagements import PartnershipFactory, UserFactory
from tests.reporting.evidence import cell, evidence_of_every_kind, indicators
from tests.twins import taken_back

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 3, 0, tzinfo=dt.UTC)


@pytest.fixture
def compiled():
    """Evidence of every kind, published by a whole compile."""
    found = indicators()
    north, south = evidence_of_every_kind()
    PartnershipFactory(iscm=north, since_on=dt.date(2025, 6, 1))
    compile_indicators(2025, 2026, NOW, whole=True)
    return {"indicators": found, "north": north, "south": south}


def changed(key: str, **fields: Any) -> Callable[[Any], str]:
    """A corruption: the overall value of the year with other ``fields``."""

    def corrupt(compiled: Any) -> str:
        IndicatorValue.objects.filter(pk=cell(key).pk).update(**fields)
        (field,) = fields
        return f"{key} year 2026 overall {field}: "

    return corrupt


def a_quarter_of_a_mechanism(compiled: Any) -> str:
    value = cell("support_requests", f"iscm:{compiled['north'].pk}", quarter=1)
    IndicatorValue.objects.filter(pk=value.pk).update(value=F("value") + Decimal("0.0001"))
    return f"support_requests quarter 2026/1 {value.cell} value: published 1.0001, recomputed 1.0"


def coverage_beside(compiled: Any) -> str:
    value = cell("staff_days", f"iscm:{compiled['south'].pk}")
    IndicatorValue.objects.filter(pk=value.pk).update(reports_accepted=0)
    return f"staff_days year 2026 {value.cell} reports_accepted: published 0, recomputed 2"


def a_missing_cell(compiled: Any) -> str:
    cell("knowledge_change", "region:Africa").delete()
    return "knowledge_change year 2026 region:Africa missing: "


def a_surplus_cell(compiled: Any) -> str:
    value = cell("partnerships_developed", "type:irf")
    value.pk, value.cell, value.dimension_value = None, "type:global", "global"
    value.save()
    return "partnerships_developed year 2026 type:global surplus: published 1.0000"


def the_value_of_another_year(compiled: Any) -> str:
    other = cell("partnerships_developed", year=2025)
    IndicatorValue.objects.filter(pk=cell("partnerships_developed").pk).update(
        value=other.value, numerator=other.numerator, n=other.n
    )
    return "partnerships_developed year 2026 overall n: published 1, recomputed 3"


def a_kept_sum_that_is_rolled_up(compiled: Any) -> str:
    """The sums of the first quarter are wrong when a record of the second is followed."""
    EvidenceSum.objects.filter(measure="partnerships_developed", slot=20261).update(total=7)
    PartnershipFactory(since_on=dt.date(2026, 5, 1))
    compile_change([20262], ["partnership"], NOW)
    return "partnerships_developed year 2026 overall value: published 22.0000, recomputed 4.0000"


def a_record_that_no_run_followed(compiled: Any) -> str:
    Partnership.objects.filter(since_on__year=2026, iscm=compiled["north"]).delete()
    return "partnerships_developed year 2026 overall value: published 3.0000, recomputed 2.0000"


def a_value_under_the_floor(compiled: Any) -> str:
    """Two answers too few, shown all the same."""
    north = compiled["north"]
    first = SatisfactionAnswer.objects.filter(iscm=north).first()
    SatisfactionAnswer.objects.filter(iscm=north).exclude(pk=first.pk).delete()
    return f"satisfaction year 2026 iscm:{north.pk} value: published 4.0000, recomputed None"


CORRUPTIONS: list[Callable[[Any], str]] = [
    changed("support_requests", value=Decimal("99")),
    changed("priorities_on_agenda", numerator=Decimal("0")),
    changed("expertise_reflected", denominator=Decimal("3")),
    changed("events_attended", n=2),
    changed("support_requests", beside={"share_met_pct": "0.0000"}),
    changed("knowledge_change", beside={"change_in_spread": None}),
    changed("proposal_success", status="green"),
    changed("resources_allocated", beside={}),
    changed("self_financing_ratio", value=Decimal("51")),
    changed("report_timeliness", reports_owed=9),
    a_quarter_of_a_mechanism,
    coverage_beside,
    a_missing_cell,
    a_surplus_cell,
    the_value_of_another_year,
    a_kept_sum_that_is_rolled_up,
    a_record_that_no_run_followed,
    a_value_under_the_floor,
]


def test_every_planted_corruption_is_found_and_named(compiled: Any, capsys: Any):
    """One after the other, each taken back: exit 1, and the line that says what and where."""
    call_command("audit_indicators")
    run = latest_audit()
    assert run is not None
    assert run.checked == IndicatorValue.objects.count() > 1000
    assert capsys.readouterr().out == f"checked {run.checked} values, 0 differ\n"
    for corrupt in CORRUPTIONS:
        with taken_back():
            line = corrupt(compiled)
            with pytest.raises(CommandError, match=r"checked \d+ values, [1-9]\d* differ") as told:
                call_command("audit_indicators")
            assert told.value.returncode == 1
            assert line in capsys.readouterr().out, corrupt


def test_the_auditor_reads_every_measure():
    assert READINGS.keys() | MONEY.keys() == MEASURES.keys()


def test_an_audit_asks_as_often_for_many_records_as_for_few(compiled: Any):
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            audit(NOW)
        return len(asked)

    few = statements()
    for _round in range(2):
        evidence_of_every_kind()
    compile_indicators(2020, 2026, NOW, whole=True)
    assert statements() == few
    run = latest_audit()
    assert run is not None
    assert run.differing == 0


def test_what_waits_to_be_compiled_is_left_out_and_counted(compiled: Any):
    PartnershipFactory(since_on=dt.date(2026, 5, 1))
    outbox.write("evidence_changed", {"slots": [20262], "kinds": ["partnership"]})
    run = audit(NOW)
    assert run.differing == 0
    assert run.waiting > 0
    assert outbox.deliver(NOW) == 1
    run = audit(NOW)
    assert (run.differing, run.waiting) == (0, 0)
    assert run.compile_run is not None
    assert run.compile_run.scope == "change"


def test_a_difference_is_told_to_ipd_and_administrators_once_each(compiled: Any):
    told = {
        UserFactory(access_group=group, email=f"{group}@example.org", language="en").email
        for group in ("ipd", "admin")
    }
    UserFactory(access_group="analyst", email="analyst@example.org")
    UserFactory(access_group="ipd", email="never@example.org", notice_pace="never")
    UserFactory(access_group="ipd", email="", language="en")
    assert audit(NOW).differing == 0
    outbox.deliver(NOW)
    assert mail.outbox == []
    changed("support_requests", value=Decimal("99"))(compiled)
    audit(NOW)
    outbox.deliver(NOW)
    outbox.deliver(NOW)
    assert {message.to[0] for message in mail.outbox} == told
    assert len(mail.outbox) == 2
    message = mail.outbox[0]
    assert message.subject == "1 published value is not what the records say"
    assert "published 99.0000, recomputed 3.0000" in message.body
    assert "/quality/" in message.body


def test_readyz_says_that_the_figures_are_degraded(compiled: Any):
    changed("support_requests", value=Decimal("99"))(compiled)
    audit(NOW)
    answer = health.readyz(RequestFactory().get("/readyz"))
    assert answer.status_code == 200
    assert b'"status": "degraded"' in answer.content
    assert b'"problem": "1 differ from the records"' in answer.content
    AuditRun.objects.all().delete()
    assert b'"status": "ready"' in health.readyz(RequestFactory().get("/readyz")).content


@pytest.mark.django_db(transaction=True)
def test_an_audit_sees_one_moment_whatever_is_written_meanwhile():
    PartnershipFactory()

    def write() -> None:
        try:
            PartnershipFactory()
        finally:
            connection.close()

    with one_snapshot():
        assert Partnership.objects.count() == 1
        other = threading.Thread(target=write)
        other.start()
        other.join(20)
        assert not other.is_alive(), "a writer waited for the reader"
        assert Partnership.objects.count() == 1
    assert Partnership.objects.count() == 2


def test_a_change_that_failed_or_waits_for_long_excuses_no_wrong_value(compiled: Any):
    a_record_that_no_run_followed(compiled)
    message = OutboxMessage.objects.create(topic="evidence_changed", payload={"whole": True})
    now = message.created_at
    run = audit(now + dt.timedelta(minutes=14))
    assert (run.checked, run.differing, run.saw_nothing) == (0, 0, True)
    assert audit(now + dt.timedelta(minutes=15)).differing > 0
    OutboxMessage.objects.update(attempts=1, last_error="OSError: disk full")
    assert audit(now).differing > 0


def test_an_audit_that_could_check_nothing_is_an_alarm(compiled: Any, capsys: Any):
    UserFactory(access_group="ipd", email="ipd@example.org", language="en")
    outbox.write("evidence_changed", {"whole": True})
    with pytest.raises(CommandError, match=r"checked 0 values, 0 differ; \d+ wait") as told:
        call_command("audit_indicators")
    assert told.value.returncode == 1
    answer = health.readyz(RequestFactory().get("/readyz"))
    assert b"none could be checked: all wait for a change to be compiled" in answer.content
    outbox.deliver(NOW)
    assert [message.subject for message in mail.outbox] == [
        "The published values could not be checked"
    ]


def test_what_is_kept_for_past_days_must_end_in_what_stands(compiled: Any):
    value = cell("support_requests")
    kept = PublishedValue.objects.filter(indicator=value.indicator, year=2026, cell="overall")
    kept.filter(to_run=None).update(value=Decimal("99"))
    run = audit(NOW)
    assert run.differing == 1
    (row,) = run.differences
    assert str(Difference(**row)) == (
        "support_requests year 2026 overall past: published 99.0000, recomputed 3.0000"
    )
    kept.delete()
    (row,) = audit(NOW).differences
    assert (row["field"], row["published"], row["recomputed"]) == ("past", None, "3.0000")
