"""Users, priorities, partners and rates of the demo."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from simple_history.utils import bulk_create_with_history

from engagements.models import IOMPriority, Organisation, Theme, User
from finance.models import StandardCost
from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.demo import DEMO_PASSWORD

from . import REASON, SERVED_BY, SOURCE, World

G = AccessGroup
# user name -> first name, last name, access group, office
SIGN_INS = {
    "reporter": ("Demo", "Reporter", G.REPORTER, "co-bangkok"),
    "manager": ("Demo", "Office Manager", G.MANAGER, "co-bangkok"),
    "ipd": ("Demo", "IPD Reviewer", G.IPD, "hq-ipd"),
    "finance": ("Demo", "Finance Officer", G.FINANCE, "hq"),
    "analyst": ("Demo", "Analyst", G.ANALYST, None),
    "admin": ("Demo", "Administrator", G.ADMIN, "hq-ipd"),
}

PRIORITIES = (
    ("Ethical recruitment of migrant workers", "ethical_recruitment"),
    ("Migration data for policy", "migration_data"),
    ("Cooperation against trafficking in persons", "counter_trafficking"),
    ("Safe and dignified return", "return_reintegration"),
    ("Migration in a changing climate", "climate_change"),
)

PARTNERS = (
    ("Border Training Institute", "academia"),
    ("Coastal States Secretariat", "regional_entity"),
    ("Employers for Fair Recruitment", "private_sector"),
    ("Mobility Research Centre", "academia"),
    ("Network of Migrant Associations", "civil_society"),
    ("Safe Journeys Foundation", "donor"),
)

# USD a day in 2024; three per cent more each year
DAY_RATES = {"P2": 420, "P3": 520, "P4": 640, "P5": 760, "NOB": 190, "NOC": 240, "G6": 130}
RATE_YEARS = range(2024, 2028)


def make_users(world: World) -> dict[str, User]:
    """The six who sign in, and for each office that reports one author who does not."""
    users = {}
    for name, (first, last, group, office) in SIGN_INS.items():
        users[name] = User.objects.create_user(
            name,
            password=DEMO_PASSWORD,
            first_name=first,
            last_name=last,
            access_group=group,
            office=world.offices[office] if office else None,
            is_staff=name in ("ipd", "admin"),
            is_superuser=name == "admin",
            is_demo=True,
        )
    for slug in sorted({office for offices in SERVED_BY.values() for office in offices}):
        if slug == "co-bangkok":
            continue  # its reports are the demo reporter's
        users[slug] = User.objects.create_user(
            f"demo-{slug}",
            first_name="Demo author,",
            last_name=world.offices[slug].name,
            access_group=G.REPORTER,
            office=world.offices[slug],
            is_active=False,
            is_demo=True,
        )
    users["co-bangkok"] = users["reporter"]
    return users


def make_priorities(world: World) -> dict[str, IOMPriority]:
    """Demo priorities by the code of their theme."""
    themes = {theme.code: theme for theme in Theme.objects.all()}
    rows = [
        IOMPriority(
            title=f"Demo: {title}",
            theme=themes[code],
            valid_from=dt.date(2024, 1, 1),
            owner=world.offices["hq-ipd"],
            source=SOURCE,
            is_demo=True,
        )
        for title, code in PRIORITIES
    ]
    bulk_create_with_history(rows, IOMPriority, default_change_reason=REASON)
    return {code: row for (_title, code), row in zip(PRIORITIES, rows, strict=True)}


def make_partners() -> list[Organisation]:
    rows = [
        Organisation(
            slug=f"demo-{name.lower().replace(' ', '-')}",
            name=f"Demo: {name}",
            kind=kind,
            source=SOURCE,
            is_demo=True,
        )
        for name, kind in PARTNERS
    ]
    bulk_create_with_history(rows, Organisation, default_change_reason=REASON)
    return rows


def make_rates() -> None:
    rows = [
        StandardCost(
            grade=grade,
            year=year,
            usd_per_day=(Decimal(usd) * Decimal("1.03") ** (year - 2024)).quantize(Decimal("0.01")),
            source=SOURCE,
            is_demo=True,
        )
        for year in RATE_YEARS
        for grade, usd in DAY_RATES.items()
    ]
    bulk_create_with_history(rows, StandardCost, default_change_reason=REASON)
