"""Records are called by names that people know, not by numbers of rows."""

from __future__ import annotations

import pytest

from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db


def test_what_is_held_in_a_mechanism_goes_by_whose_it_is_and_where() -> None:
    iscm = make.ISCMFactory(acronym="SACM")
    state = make.CountryFactory(name_en="Peru")
    partner = make.OrganisationFactory(name="ILO")
    assert str(make.MembershipFactory(iscm=iscm, country=state)) == "Peru · SACM"
    assert str(make.ChairmanshipFactory(iscm=iscm, country=state)) == "Peru · SACM"
    assert str(make.SecretariatFactory(iscm=iscm, organisation=partner)) == "ILO · SACM"
    role = make.IOMRoleFactory(iscm=iscm)
    assert str(role) == f"{role.get_role_display()} · SACM"
    office = make.OfficeFactory(name="IOM Peru")
    assert str(make.DelegateFactory(title="Expert", office=office)) == "Expert · IOM Peru"


def test_money_and_time_go_by_project_post_and_person() -> None:
    iscm = make.ISCMFactory(acronym="SACM")
    project = money.ProjectFactory(code="PR.0042")
    share = money.AttributionFactory(project=project, iscm=iscm, year=2019)
    assert str(share) == "PR.0042 → SACM 2019"
    post = money.PositionFactory(title="Focal point")
    assert str(money.PositionShareFactory(position=post, iscm=iscm)) == "Focal point → SACM"
    assert str(money.TimeEntryFactory(title="Expert", days="3.50")) == "Expert: 3.5 days"
    assert str(money.TimeEntryFactory(title="Expert", days=1)) == "Expert: 1 day"
    assert str(money.TimeEntryFactory(title="Expert", days=20)) == "Expert: 20 days"


def test_what_belongs_to_a_report_or_an_indicator_names_it() -> None:
    event = make.EventFactory(name="Dialogue")
    report = reported.PostEventReportFactory(
        event=event, office=make.OfficeFactory(name="IOM Peru")
    )
    assert str(reported.ReportStepFactory(report=report)) == "Dialogue · IOM Peru: Started"
    assert str(reported.ReportVersionFactory(report=report, version=2)) == "Dialogue · IOM Peru, 2"
    value = reported.IndicatorValueFactory(
        indicator=reported.IndicatorFactory(title="Requests"), year=2026
    )
    assert str(value) == "Requests 2026"
