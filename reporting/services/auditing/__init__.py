"""The auditor: every published value worked out a second time, by another route.

The compile adds up in SQL, from what the measures declare. The auditor reads the plain records and
counts in Python, from its own reading of ``docs/indicators.md`` and of the evaluation's section
4.2; it shares no query, queryset method or declaration with the measures, the compile or
``finance.selectors.investment``, which a contract of import-linter holds it to. Where the two
differ, one of them is wrong, and somebody is told.

``directory``  who and what the records speak of
``tally``      what records come to, by cell and span of time
``figures``    from a tally to what is shown
``floor``      of which cells of answers nothing may be told
``readings``   what each measure counts, read from the records
``money``      the two measures of money
``published``  which spans were published, and which wait for a change to be compiled
``expected``   all cells of an indicator as they should stand
``comparing``  what stands against what should stand
``run``        one audit, kept, with its alarm
"""

from .run import audit

__all__ = ["audit"]
