"""Why the API does not write what it was sent."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions, status


class Stale(exceptions.APIException):
    """Somebody changed the record since its writer read it."""

    status_code = status.HTTP_412_PRECONDITION_FAILED


class VersionNeeded(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED


class NotNow(exceptions.APIException):
    """The record is in no state for it: what was to be done is done, or comes later."""

    status_code = status.HTTP_409_CONFLICT


class OtherCall(exceptions.APIException):
    """The key was used for a call that said something else."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class FieldsRefused(exceptions.ValidationError):
    """Fields are wrong: messages by field; of a list inside of the record, by row."""

    def __init__(self, errors: dict[str, list[Any]]) -> None:
        detail: Any = errors  # as it is, as below
        self.detail = detail


class RowsRefused(exceptions.APIException):
    """Rows of a list are wrong: each with its number, from 0, and its messages by field."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        # As it is: of what it is told DRF makes texts, numbers too.
        detail: Any = {"rows": rows}
        self.detail = detail
