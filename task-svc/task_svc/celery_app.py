"""The Celery application that the service publishes with and the workers run."""

from typing import Any, Final

from celery import Celery
from kombu.entity import Exchange, Queue
from pydantic import SecretStr

from task_svc.model import MAX_PRIORITY, TaskKind

JOB: Final = "mcai.run_task"
# A message that a worker took and never acknowledged comes back after this time: longer than any task.
_VISIBILITY_SECONDS: Final = 3600


def is_redis(broker_url: SecretStr) -> bool:
    """Whether the broker is Redis, whose priorities count downwards: 0 is the most urgent."""
    return broker_url.get_secret_value().partition(":")[0] in {"redis", "rediss", "unix", "redis+socket"}


def make_app(broker_url: SecretStr, budget_seconds: float, *, publishes: bool = False) -> Celery:
    """Returns the application; it connects at the first use.

    One that `publishes` has RabbitMQ confirm each message, as Redis does anyway: what is written to a
    connection that has died, or is a black hole, would otherwise pass for published.

    Every call on an absent broker gives up after about `budget_seconds`: Celery's own defaults would wait
    for minutes. Messages are JSON and hold a task id and nothing else; results live in the task's row.
    """
    app = Celery("mcai", broker=broker_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_create_missing_queues=False,
        task_queues=[_queue(kind) for kind in TaskKind],
        task_default_queue=TaskKind.CYMATIC.value,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_timeout=budget_seconds,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(broker_url, budget_seconds, publishes=publishes),
    )
    return app


def _queue(kind: TaskKind) -> Queue:
    exchange = Exchange(kind.value)  # type: ignore[no-untyped-call]  # kombu is typed in part
    return Queue(  # type: ignore[no-untyped-call]  # as above
        kind.value, exchange, kind.value, max_priority=MAX_PRIORITY
    )


def _transport_options(broker_url: SecretStr, budget_seconds: float, *, publishes: bool) -> dict[str, Any]:
    if not is_redis(broker_url):
        options: dict[str, Any] = {"max_retries": 0, "connect_retries_timeout": budget_seconds}
        if publishes:
            # A worker's connection is silent for as long as there is nothing to do.
            options |= {
                "confirm_publish": True,
                "read_timeout": budget_seconds,
                "write_timeout": budget_seconds,
            }
        return options
    return {
        "visibility_timeout": _VISIBILITY_SECONDS,
        # The most urgent of all queues first; of equally urgent ones, each kind in its turn.
        "queue_order_strategy": "round_robin",
        "priority_steps": list(range(MAX_PRIORITY + 1)),
        "socket_connect_timeout": budget_seconds,
        "socket_timeout": budget_seconds,
        "max_retries": 0,
    }
