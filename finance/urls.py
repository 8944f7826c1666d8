"""Addresses of money: what it costs and who pays."""

from django.urls import URLPattern, path

from .views import funds, imports, lists, overview, records, staffing, sustaining

urlpatterns: list[URLPattern] = [
    path("funds/", funds.funds, name="funds"),
    path("funds/new/", funds.new_fund, name="fund_new"),
    path("funds/<slug:slug>/", funds.fund, name="fund"),
    path("funds/<slug:slug>/sheet.pdf", funds.fund_sheet, name="fund_sheet"),
    path("funds/<slug:slug>/contribution/", funds.new_contribution, name="fund_contribution"),
    path("funds/<slug:slug>/case/", funds.new_case, name="fund_case"),
    path("funds/cases/<int:pk>/call-back/", funds.call_back, name="fund_call_back"),
    path("funds/contributions/<int:pk>/take-back/", funds.take_back, name="fund_take_back"),
    path("finance/", overview.index, name="finance"),
    path("finance/<slug:kind>/", lists.record_list, name="finance_list"),
    path("finance/<slug:kind>/new/", records.new_record, name="finance_new"),
    path("finance/<slug:kind>/<int:pk>/", records.record, name="finance_record"),
    path("finance/<slug:kind>/<int:pk>/edit/", records.edit_record, name="finance_edit"),
    path("finance/<slug:kind>/<int:pk>/delete/", records.remove_record, name="finance_delete"),
    path("staffing/", staffing.staffing, name="staffing"),
    path("staffing/records/", staffing.records, name="staffing_records"),
    path("staffing/positions/<int:pk>/", staffing.position, name="position"),
    path("staffing/terms-of-reference/<int:pk>/", staffing.download, name="terms_of_reference"),
    path(
        "staffing/terms-of-reference/<int:pk>/take-away/",
        staffing.take_away,
        name="terms_of_reference_take_away",
    ),
    path("sustaining/", sustaining.sustaining, name="sustaining"),
    path("sustaining/records/", sustaining.records, name="sustaining_records"),
    path("imports/", imports.imports, name="imports"),
    path("imports/new/", imports.import_new, name="import_new"),
    path("imports/templates/<slug:key>/", imports.import_template, name="import_template"),
    path("imports/<int:pk>/", imports.import_run, name="import"),
    path("imports/<int:pk>/errors.xlsx", imports.import_errors, name="import_errors"),
    path("imports/<int:pk>/write/", imports.import_write, name="import_write"),
    path("imports/<int:pk>/cancel/", imports.import_cancel, name="import_cancel"),
    path("imports/<int:pk>/go-on/", imports.import_go_on, name="import_go_on"),
    path("imports/<int:pk>/undo/", imports.import_undo, name="import_undo"),
]
