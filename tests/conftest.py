"""Fixtures for all tests: real servers, started once a session and process when the first test asks."""

from tests.support.bank_stores import bank_replicas, bank_store
from tests.support.compose_project import compose_project
from tests.support.node_sdk import node_sdk
from tests.support.postgres_server import postgres_database, postgres_server, postgres_url
from tests.support.public_data import public_data
from tests.support.rabbitmq_server import rabbitmq_server, rabbitmq_url
from tests.support.redis_server import redis_server, redis_url
from tests.support.s3_server import s3_bucket, s3_server

__all__ = [
    "bank_replicas",
    "bank_store",
    "compose_project",
    "node_sdk",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "public_data",
    "rabbitmq_server",
    "rabbitmq_url",
    "redis_server",
    "redis_url",
    "s3_bucket",
    "s3_server",
]
