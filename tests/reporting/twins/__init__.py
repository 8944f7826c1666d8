"""The twins of the measures: each counted a second time, by brute force.

A twin is a function named like its measure. It walks over the very rows that hypothesis made (plain
dicts, never read from the database) and says every cell that has to be published, after
``docs/indicators.md`` alone: nothing here imports a measure, the compile or the auditor, so that
what is wrong in all of them is still seen.
"""
