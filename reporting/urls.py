"""Addresses of reports, indicators, dashboards, and of pages that show them."""

from django.urls import path

from .views import (
    duties,
    filing,
    indicators,
    mechanisms,
    my_work,
    recommendations,
    report_pages,
    resources,
)

urlpatterns = [
    path("", my_work.home, name="home"),
    path("iscms/<slug:slug>/", mechanisms.iscm, name="iscm"),
    path("events/<int:pk>/", mechanisms.event, name="event"),
    path("reports/", report_pages.reports, name="reports"),
    path("reports/new/", filing.new_report, name="report_new"),
    path("reports/<int:pk>/", report_pages.report, name="report"),
    path("reports/<int:pk>/edit/", filing.edit_report, name="report_edit"),
    path("reports/<int:pk>/edit/<slug:step>/", filing.report_step, name="report_step"),
    path("reports/<int:pk>/edit/<slug:step>/keep/", filing.keep_page, name="report_keep"),
    path("reports/<int:pk>/edit/<slug:step>/discard/", filing.discard_page, name="report_discard"),
    path("reports/<int:pk>/copy/", filing.copy_report, name="report_copy"),
    path("filing/session/", filing.filing_session, name="filing_session"),
    path("reports/<int:pk>/submit/", filing.submit_report, name="report_submit"),
    path("reports/<int:pk>/return/", report_pages.return_report, name="report_return"),
    path("reports/<int:pk>/accept/", report_pages.accept_report, name="report_accept"),
    path("duties/", duties.duties, name="duties"),
    path("duties/<int:pk>/", duties.duty, name="duty"),
    path("duties/<int:pk>/answer/", duties.answer_duty, name="duty_answer"),
    path("duties/<int:pk>/take-back/", duties.take_back_answer, name="duty_take_back"),
    path("duties/<int:pk>/return/", duties.return_answer, name="duty_return"),
    path("duties/<int:pk>/extension/", duties.ask_extension, name="duty_extension"),
    path("extensions/<int:pk>/decide/", duties.decide_extension, name="extension_decide"),
    path("reviews/answers/", duties.answers, name="answers"),
    path("reviews/", report_pages.reviews, name="reviews"),
    path("resources/", resources.resources, name="resources"),
    path("resources/records/", resources.records, name="resource_records"),
    path("resources/table-<int:number>.csv", resources.printed_table_csv, name="printed_table_csv"),
    path("indicators/", indicators.indicators, name="indicators"),
    path("indicators/<slug:key>/", indicators.indicator, name="indicator"),
    path("indicators/<slug:key>/records/", indicators.indicator_records, name="indicator_records"),
    path("recommendations/", recommendations.recommendations, name="recommendations"),
]
