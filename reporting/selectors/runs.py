"""Questions about the runs of the compile."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from iscm_portal.common.jobs import LOST_AFTER
from iscm_portal.common.models import JobRun

TASK = "reporting.compile_indicators"
# Failures that are shown: what is older has been followed by many runs.
FAILED_WITHIN = dt.timedelta(days=30)
MOST = 20


@dataclass(frozen=True)
class CompileJob:
    """A compile that was asked for and has not ended well."""

    job: JobRun
    at: dt.datetime

    @property
    def is_lost(self) -> bool:
        """Whether its process must have ended without a word."""
        return self._is_running and self.job.started_at <= self.at - LOST_AFTER

    @property
    def is_under_way(self) -> bool:
        return self._is_running and not self.is_lost

    @property
    def _is_running(self) -> bool:
        return bool(self.job.state == JobRun.State.RUNNING)


def compile_jobs(at: dt.datetime) -> list[CompileJob]:
    """The compiles that run, and those that failed of late; the latest first."""
    jobs = JobRun.objects.filter(task=TASK, started_at__gt=at - FAILED_WITHIN)
    return [CompileJob(job, at) for job in jobs.exclude(state=JobRun.State.DONE)[:MOST]]
