"""Answers become a report."""

from casepool.reporting.assembly import report as report
