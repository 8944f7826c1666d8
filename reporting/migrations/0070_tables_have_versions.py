"""Triggers note when a table was written to that answers of the API are read from
(docs/decisions/0038).

It comes after the tables are made. A later migration that makes SQLite build one of them anew drops
its triggers: call ``watch`` again there, and for a table that is new (tests/api/test_unchanged.py
would say so).
"""

from django.db import migrations

from iscm_portal.common.versions import unwatch, watch

TABLES = (
    "engagements_agendaitem",
    "engagements_chairmanship",
    "engagements_country",
    "engagements_delegate",
    "engagements_event",
    "engagements_event_iscms",
    "engagements_followupaction",
    "engagements_iompriority",
    "engagements_iomrole",
    "engagements_iscm",
    "engagements_iscm_themes",
    "engagements_membership",
    "engagements_objective",
    "engagements_office",
    "engagements_office_focal_for",
    "engagements_office_themes",
    "engagements_organisation",
    "engagements_partnership",
    "engagements_policyinstrument",
    "engagements_policyinstrument_agenda_items",
    "engagements_referenceframe",
    "engagements_referenceframe_themes",
    "engagements_secretariat",
    "engagements_supportrequest",
    "engagements_theme",
    "engagements_workinggroup",
    "finance_assessedcontribution",
    "finance_attribution",
    "finance_currencyrate",
    "finance_fundcontribution",
    "finance_funddisbursement",
    "finance_fundingline",
    "finance_position",
    "finance_positionshare",
    "finance_project",
    "finance_project_donors",
    "finance_proposal",
    "finance_reservefund",
    "finance_staffcount",
    "finance_staffneed",
    "finance_standardcost",
    "finance_termsofreference",
    "finance_timeentry",
    "reporting_compilerun",
    "reporting_duty",
    "reporting_extension",
    "reporting_indicator",
    "reporting_indicator_relevant_to",
    "reporting_indicatorvalue",
    "reporting_indicatorversion",
    "reporting_indicatorversion_relevant_to",
    "reporting_knowledgeanswer",
    "reporting_lesson",
    "reporting_posteventreport",
    "reporting_posteventreport_frames",
    "reporting_question",
    "reporting_recommendation",
    "reporting_recommendation_indicators",
    "reporting_release",
    "reporting_releasedindicator",
    "reporting_releasedvalue",
    "reporting_reportedagendaitem",
    "reporting_satisfactionanswer",
    "reporting_survey",
    "reporting_surveyanswer",
    "reporting_surveylink",
    "reporting_surveyresponse",
)


def create_triggers(apps, schema_editor):
    watch(schema_editor, TABLES)


def drop_triggers(apps, schema_editor):
    unwatch(schema_editor, TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0010_table_versions"),
        ("engagements", "0010_objectives_and_themes_of_goals"),
        ("finance", "0030_what_hinders_an_undoing"),
        ("reporting", "0065_say_why_there_is_no_colour"),
    ]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
