"""The figures' history in SQLite: the last day in steps of 15 s, the last 30 days in steps of 10 min.

About 40 figures of five services make 230,000 fine and 170,000 coarse rows at the most, some 25 MB.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from monitor_svc.model import Point, Reading
from monitor_svc.timeline import COARSE_PERIOD_SECONDS, COARSE_SECONDS, FINE_PERIOD_SECONDS, FINE_SECONDS

POINTS_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS series (
  id INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  figure TEXT NOT NULL,
  UNIQUE (service, figure)
) STRICT;
CREATE TABLE IF NOT EXISTS points (
  step INTEGER NOT NULL,
  series INTEGER NOT NULL REFERENCES series (id),
  time INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  low REAL NOT NULL,
  total REAL NOT NULL,
  high REAL NOT NULL,
  PRIMARY KEY (step, series, time)
) STRICT, WITHOUT ROWID;
"""

_PERIODS: Final = {FINE_SECONDS: FINE_PERIOD_SECONDS, COARSE_SECONDS: COARSE_PERIOD_SECONDS}


def keep_points(connection: sqlite3.Connection, points: Sequence[tuple[Reading, Point]]) -> None:
    """Add one fine step, and add it to the coarse step that it falls into; prune what is too old."""
    with connection:
        connection.executemany(
            "INSERT INTO series (service, figure) VALUES (?,?) ON CONFLICT DO NOTHING",
            [(reading.service, reading.figure) for reading, _ in points],
        )
        for step in _PERIODS:
            connection.executemany(
                "INSERT INTO points (step, series, time, steps, low, total, high)"
                " SELECT ?, id, ?, 1, ?, ?, ? FROM series WHERE service = ? AND figure = ?"
                " ON CONFLICT DO UPDATE SET steps = steps + 1, low = min(low, excluded.low),"
                " total = total + excluded.total, high = max(high, excluded.high)",
                [
                    (
                        step,
                        int(point.time - point.time % step),
                        point.low,
                        point.mean,
                        point.high,
                        reading.service,
                        reading.figure,
                    )
                    for reading, point in points
                ],
            )
        newest = max((int(point.time) for _, point in points), default=0)
        if newest % COARSE_SECONDS == 0:
            _prune(connection, newest)


def read_points(
    connection: sqlite3.Connection, service: str, figure: str, since: float, *, fine: bool
) -> list[Point]:
    """The points of one figure since a time, oldest first."""
    rows = connection.execute(
        "SELECT time, low, total / steps, high FROM points JOIN series ON series.id = points.series"
        " WHERE step = ? AND service = ? AND figure = ? AND time >= ? ORDER BY time",
        (FINE_SECONDS if fine else COARSE_SECONDS, service, figure, since),
    )
    return [Point(float(time), low, mean, high) for time, low, mean, high in rows]


def _prune(connection: sqlite3.Connection, now: int) -> None:
    """Forget what is older than its period; once every coarse step, by the primary key."""
    for (series,) in connection.execute("SELECT id FROM series").fetchall():
        for step, period in _PERIODS.items():
            connection.execute(
                "DELETE FROM points WHERE step = ? AND series = ? AND time < ?", (step, series, now - period)
            )
