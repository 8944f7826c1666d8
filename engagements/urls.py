"""Addresses of the directory."""

from django.urls import path

from .views import directory

urlpatterns = [
    path("iscms/", directory.iscms, name="iscms"),
    path("offices/", directory.offices, name="offices"),
    path("events/", directory.events, name="events"),
]
