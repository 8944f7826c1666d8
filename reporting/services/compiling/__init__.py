"""Compile: from records to published values, in sets.

``sums`` counts the records of each quarter, ``cells`` adds the sums up for every span and cell,
``values`` works out what is published and writes what changed, ``run`` does it in one transaction.
"""

from .run import compile_all, compile_change, compile_indicators, recompile

__all__ = ["compile_all", "compile_change", "compile_indicators", "recompile"]
