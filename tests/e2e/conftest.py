"""The portal that the browser walks through.

What the browser does is the same on both databases, and what is behind it is tested on both: each
story is told once, on the one that it asks more of (``only_on``). ``test_every_page`` looks at the
wide pages on one and at the narrow ones on the other.
"""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.management import call_command
from django.utils import timezone

from engagements.models import (
    ISCM,
    AgendaItem,
    Country,
    Delegate,
    Event,
    IOMPriority,
    Office,
    User,
)
from reporting.services.compiling import compile_indicators

PASSWORD = "pw-for-tests"


@pytest.fixture
def portal():
    """The real records, three people, and an event that ended ten days ago in Bangkok."""
    call_command("load_evaluation", verbosity=0)
    today = timezone.localdate()
    bangkok = Office.objects.get(slug="co-bangkok")
    for username, group, office in (
        ("reporter", "reporter", bangkok),
        ("ipd", "ipd", Office.objects.get(slug="hq-ipd")),
        ("analyst", "analyst", None),
    ):
        User.objects.create_user(username, password=PASSWORD, access_group=group, office=office)
    event = Event.objects.create(
        name="Task Force on Planning and Preparedness (test)",
        kind="working_group",
        starts_on=today - dt.timedelta(days=11),
        ends_on=today - dt.timedelta(days=10),
        city="Bangkok",
        country=Country.objects.get(iso3="THA"),
    )
    event.iscms.add(ISCM.objects.get(slug="bali-process"))
    Delegate.objects.create(event=event, office=bangkok, title="Senior Programme Coordinator")
    AgendaItem.objects.create(event=event, position=1, title="Consultation protocol")
    IOMPriority.objects.create(title="Protection at sea (test)")
    compile_indicators(today.year, today.year, timezone.now())
    return event
