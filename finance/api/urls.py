"""Addresses of funding, projects, posts, time, funds and resources."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter(use_regex_path=False)
router.register("projects", views.ProjectViewSet, "api-project")
router.register("attributions", views.AttributionViewSet, "api-attribution")
router.register("funding-lines", views.FundingLineViewSet, "api-funding-line")
router.register("positions", views.PositionViewSet, "api-position")
router.register("time-entries", views.TimeEntryViewSet, "api-time-entry")
router.register("funds", views.ReserveFundViewSet, "api-fund")
router.register("contributions", views.ContributionViewSet, "api-contribution")
router.register("proposals", views.ProposalViewSet, "api-proposal")

urlpatterns = [
    path("resources/", views.ResourcesView.as_view(), name="api-resources"),
    path("iati/activities.xml", views.ActivityFileView.as_view(), name="api-iati"),
    *router.urls,
]
