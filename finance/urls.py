"""Addresses of money: what it costs and who pays."""

from django.urls import URLPattern, path

from .views import imports

urlpatterns: list[URLPattern] = [
    # Imports
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
