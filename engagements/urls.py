"""Addresses of the directory."""

from django.urls import path

from .views import calendar, directory, tokens

urlpatterns = [
    path("iscms/", directory.iscms, name="iscms"),
    path("offices/", directory.offices, name="offices"),
    path("events/", directory.events, name="events"),
    path("events/calendar/", calendar.calendar_link, name="calendar"),
    path("calendar/<str:text>/events.ics", calendar.calendar_feed, name="calendar_feed"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:pk>/", tokens.token, name="token"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="token_revoke"),
]
