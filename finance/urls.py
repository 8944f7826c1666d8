"""Addresses of money: what it costs and who pays."""

from django.urls import URLPattern, path

from .views import funds

urlpatterns: list[URLPattern] = [
    path("funds/", funds.funds, name="funds"),
    path("funds/<slug:slug>/", funds.fund, name="fund"),
    path("funds/<slug:slug>/sheet.pdf", funds.fund_sheet, name="fund_sheet"),
    path("funds/<slug:slug>/contribution/", funds.new_contribution, name="fund_contribution"),
    path("funds/<slug:slug>/case/", funds.new_case, name="fund_case"),
    path("funds/cases/<int:pk>/call-back/", funds.call_back, name="fund_call_back"),
]
