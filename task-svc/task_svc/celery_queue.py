"""ports.Queue by Celery: one thread, one connection, and no call longer than its budget."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from kombu.connection import Connection
from kombu.exceptions import KombuError
from pydantic import SecretStr

from servicekit.breaker import Breaker
from task_svc.celery_app import JOB, is_redis, make_app
from task_svc.errors import BrokerUnavailable
from task_svc.model import MAX_PRIORITY, TaskKind, Ticket

T = TypeVar("T")

# Beyond the task's own limit, after which Celery kills the process that works on it.
_HARD_LIMIT_SECONDS: Final = 15.0


class _OneTryConnection(Connection):
    """A connection that tries once, where kombu's own would try for ever what is not told a number of tries.

    Celery's ping of the workers is such a call: on a broker that hangs it held the thread, and with it the
    end of the service, until the broker came back. The relay asks again in time.
    """

    def ensure(self, *args: Any, **options: Any) -> Any:
        """See kombu; without a number of tries there is no second one."""
        return super().ensure(*args, **{"max_retries": 0, **options})  # type: ignore[no-untyped-call]


class CeleryQueue:
    """Publishes to the workers' queues.

    Args:
        broker_url: Redis or RabbitMQ.
        breaker: Remembers that the broker is away; its budget bounds each call.
        limits: What a task may take, by kind, in seconds.
    """

    def __init__(self, broker_url: SecretStr, breaker: Breaker, limits: Mapping[TaskKind, float]) -> None:
        self._breaker = breaker
        self._limits = limits
        # The thread must give up before the caller does, or the next caller would wait for it as well.
        self._thread_seconds = breaker.budget_seconds * 0.45
        self._app = make_app(broker_url, self._thread_seconds, publishes=True)
        self._app.amqp.Connection = _OneTryConnection
        # A ping of the workers goes over our connection and not over one of a pool, which tries for ever.
        self._app.control.mailbox.producer_pool = None
        self._downwards = is_redis(broker_url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="broker")
        self._connection: Connection | None = None

    async def publish(self, tickets: Sequence[Ticket]) -> frozenset[str]:
        """See ports.Queue."""

        def work(connection: Connection) -> frozenset[str]:
            with self._app.amqp.Producer(connection, auto_declare=False) as producer:
                for ticket in tickets:
                    self._send(ticket, producer)
            return frozenset(ticket.task_id for ticket in tickets)

        return await self._call(work)

    async def waiting(self) -> int:
        """See ports.Queue."""
        return await self._call(self._declared)

    async def workers(self) -> int:
        """See ports.Queue."""
        replies = await self._call(
            lambda connection: self._app.control.ping(
                timeout=self._thread_seconds, limit=1, connection=connection
            )
        )
        return len(replies)

    async def close(self) -> None:
        """See ports.Queue."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._say_goodbye)
        self._thread.shutdown(wait=False)

    def _send(self, ticket: Ticket, producer: object) -> None:
        self._app.send_task(
            JOB,
            args=(ticket.task_id,),
            # Flower and the logs show it, so it is the one that people know.
            task_id=ticket.task_id,
            queue=ticket.kind.value,
            priority=MAX_PRIORITY - ticket.priority if self._downwards else ticket.priority,
            time_limit=self._limits[ticket.kind] + _HARD_LIMIT_SECONDS,
            producer=producer,
            retry=False,
        )

    def _declared(self, connection: Connection) -> int:
        """Declares the queues; returns how many messages wait in them."""
        with connection.channel() as channel:  # type: ignore[no-untyped-call]  # kombu is typed in part
            return sum(queue(channel).queue_declare().message_count for queue in self._app.conf.task_queues)

    async def _call(self, work: Callable[[Connection], T]) -> T:
        async with self._breaker.guard():
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._connected, work)

    def _connected(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        connection, fresh = self._connection, not self._connection.connected
        errors = (*connection.connection_errors, *connection.channel_errors, KombuError, OSError)
        try:
            if fresh:
                # Once and here: where kombu connects by itself, it tries again after a pause of two seconds.
                connection.ensure_connection(max_retries=0)
                # RabbitMQ drops what is published to a queue that no worker has declared yet.
                self._declared(connection)
            return work(connection)
        except errors as error:
            self._disconnect()
            # The text of the error may hold the address with its password, so it is not passed on.
            raise BrokerUnavailable("The broker does not answer.", retry_after_seconds=1) from error

    def _say_goodbye(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # whatever a broker does that is told of the end
                self._connection.release()  # type: ignore[no-untyped-call]  # kombu is typed in part
        self._disconnect()

    def _disconnect(self) -> None:
        """Lets the connection go, without a word to a broker that may not listen."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # whatever goes wrong while a dead connection is let go
                connection.collect()  # type: ignore[no-untyped-call]  # kombu is typed in part
