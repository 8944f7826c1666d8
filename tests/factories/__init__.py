"""Factories: the smallest valid row of each model; one file an app."""
