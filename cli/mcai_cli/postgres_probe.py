"""Whether a PostgreSQL database holds a bank, asked without preparing it as one."""

import psycopg

from mcai_cli.errors import CommandError

CONNECT_SECONDS = 10


async def holds_bank(url: str) -> bool:
    """Whether the bank's tables are there; raises CommandError when the database does not answer."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=CONNECT_SECONDS)
        async with connection:
            cursor = await connection.execute("SELECT to_regclass('examples') IS NOT NULL")
            row = await cursor.fetchone()
    except psycopg.Error as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise CommandError(f"The database does not answer: {reason}") from error
    return bool(row and row[0])
