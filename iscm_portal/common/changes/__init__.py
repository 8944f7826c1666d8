"""What was created, updated and deleted, in an order that can be followed: written by triggers of
the database, read by ``/api/v1/changes/`` and by webhooks (docs/decisions/0039).
"""
