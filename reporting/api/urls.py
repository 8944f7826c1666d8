"""Addresses of reports, duties, indicators, recommendations and surveys."""

from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter(use_regex_path=False)
router.register("reports", views.ReportViewSet, "api-report")
router.register("lessons", views.LessonViewSet, "api-lesson")
router.register("duties", views.DutyViewSet, "api-duty")
router.register("indicators", views.IndicatorViewSet, "api-indicator")
router.register("indicator-values", views.IndicatorValueViewSet, "api-indicator-value")
router.register("compile-runs", views.CompileRunViewSet, "api-compile-run")
router.register("releases", views.ReleaseViewSet, "api-release")
router.register("recommendations", views.RecommendationViewSet, "api-recommendation")
router.register("surveys", views.SurveyViewSet, "api-survey")

urlpatterns = router.urls
