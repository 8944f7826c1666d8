"""Addresses of the directory, of events and of evidence."""

from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter(use_regex_path=False)
router.register("iscms", views.ISCMViewSet, "api-iscm")
router.register("iom-roles", views.IOMRoleViewSet, "api-iom-role")
router.register("memberships", views.MembershipViewSet, "api-membership")
router.register("countries", views.CountryViewSet, "api-country")
router.register("organisations", views.OrganisationViewSet, "api-organisation")
router.register("offices", views.OfficeViewSet, "api-office")
router.register("themes", views.ThemeViewSet, "api-theme")
router.register("events", views.EventViewSet, "api-event")
router.register("agenda-items", views.AgendaItemViewSet, "api-agenda-item")
router.register("support-requests", views.SupportRequestViewSet, "api-support-request")
router.register("partnerships", views.PartnershipViewSet, "api-partnership")
router.register("policy-instruments", views.PolicyInstrumentViewSet, "api-policy-instrument")
router.register("follow-ups", views.FollowUpViewSet, "api-follow-up")

urlpatterns = router.urls
