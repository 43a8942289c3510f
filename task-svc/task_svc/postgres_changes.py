"""Hears of the changes of tasks that any process makes, by PostgreSQL's NOTIFY.

A notification may be lost with the connection, so that whoever waits for one looks from time to time as well.
"""

import asyncio
from typing import Final, NoReturn

import psycopg
from pydantic import SecretStr

from servicekit.logs import get_logger
from task_svc.postgres_database import connected
from task_svc.watching import Announcements

_log = get_logger(__name__)

# As in the migration whose trigger notifies.
_CHANNEL: Final = "mcai_task_changes"


class ChangeListener:
    """Announces what it hears.

    Args:
        url: `postgresql://user:password@host:port/database`.
        announcements: Who is to be told.
        connect_seconds: What it may take to connect.
        retry_seconds: Pause before a lost connection is made anew.
    """

    def __init__(
        self, url: SecretStr, announcements: Announcements, connect_seconds: float, retry_seconds: float
    ) -> None:
        self._url = url
        self._announcements = announcements
        self._connect_seconds = connect_seconds
        self._retry_seconds = retry_seconds

    async def run(self) -> NoReturn:
        """Listens until it is cancelled; while the server is away it tries again and again."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                # psycopg's own text may hold the address, so it is not passed on.
                _log.debug("not listening", error=type(error).__name__)
            finally:
                self._announcements.complete = False
            await asyncio.sleep(self._retry_seconds)

    async def _listen(self) -> None:
        async with asyncio.timeout(self._connect_seconds):
            connection = await connected(self._url)
        try:
            async with asyncio.timeout(self._connect_seconds):
                await connection.execute(f"LISTEN {_CHANNEL}".encode())
            self._announcements.complete = True
            self._announcements.wake_all()
            async for notification in connection.notifies():
                self._announcements.announce(notification.payload)
        finally:
            await connection.close()
