"""Addresses of money: what it costs and who pays."""

from django.urls import URLPattern, path

from .views import staffing, sustaining

urlpatterns: list[URLPattern] = [
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
]
