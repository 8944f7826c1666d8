"""Addresses of money: what it costs and who pays."""

from django.urls import URLPattern, path

from .views import lists, overview, records

urlpatterns: list[URLPattern] = [
    path("finance/", overview.index, name="finance"),
    path("finance/<slug:kind>/", lists.record_list, name="finance_list"),
    path("finance/<slug:kind>/new/", records.new_record, name="finance_new"),
    path("finance/<slug:kind>/<int:pk>/", records.record, name="finance_record"),
    path("finance/<slug:kind>/<int:pk>/edit/", records.edit_record, name="finance_edit"),
    path("finance/<slug:kind>/<int:pk>/delete/", records.remove_record, name="finance_delete"),
]
