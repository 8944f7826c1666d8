"""Addresses of webhooks."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.webhooks, name="webhooks"),
    path("new/", views.webhook_new, name="webhook_new"),
    path("<int:pk>/", views.webhook, name="webhook"),
    path("<int:pk>/pause/", views.webhook_pause, name="webhook_pause"),
    path("<int:pk>/resume/", views.webhook_resume, name="webhook_resume"),
    path("<int:pk>/remove/", views.webhook_remove, name="webhook_remove"),
    path("deliveries/<int:pk>/again/", views.webhook_again, name="webhook_again"),
]
