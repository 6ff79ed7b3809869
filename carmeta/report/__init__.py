"""What people read: figures, tables and pages drawn from an ``Analysis``.

Nothing here computes a statistic. Rounding happens in :mod:`carmeta.report.numbers` alone.
"""
