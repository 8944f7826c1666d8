"""Addresses of money: what it costs and who pays."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
