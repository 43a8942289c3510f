"""The gateway's adapters of the chat's ports, over real services, and the versions that always answer."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry

from gateway.backends import DatasetBank, DatasetMemory, Peers, open_peers
from gateway.fallback import BankAway, JournalledMemory, MakersAway, UncachedRecall
from gateway.knowledge_recall import KnowledgeRecall
from gateway.last_answers import LastAnswers
from gateway.makers import TaskMakers
from gateway.near_cache import NearCache
from gateway.settings import GatewaySettings
from mcai.dataset.v1 import conversation_pb2
from servicekit.degrade import Degradation
from servicekit.journal import Journal
from tests.support.chat_port_suite import BankSuite, MakersSuite, MemorySuite, RecallSuite
from tests.support.gateway_house import House, gateway_house


@pytest.fixture
async def own_house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    # A cache refuses what was worked out before the bank's last change, so its tests need a bank at rest.
    async with gateway_house(with_rows=not issubclass(request.cls, RecallSuite)) as house:
        yield house


@pytest.fixture
async def peers(own_house: House) -> AsyncIterator[Peers]:
    async with open_peers(own_house.settings, CollectorRegistry()) as opened:
        yield opened


@pytest.fixture
def settings(own_house: House) -> GatewaySettings:
    return own_house.settings


class TestKnowledgeRecall(RecallSuite):
    @pytest.fixture
    def recall(self, peers: Peers) -> KnowledgeRecall:
        return KnowledgeRecall(peers.knowledge, NearCache(0, time.monotonic))


class TestUncachedRecall(RecallSuite):
    @pytest.fixture
    def recall(self, peers: Peers) -> UncachedRecall:
        degradation = Degradation("knowledge-svc", CollectorRegistry())
        return UncachedRecall(
            KnowledgeRecall(peers.knowledge, NearCache(0, time.monotonic)), LastAnswers(0), degradation
        )


class TestDatasetBank(BankSuite):
    @pytest.fixture
    def bank(self, peers: Peers) -> DatasetBank:
        return DatasetBank(peers.dataset)


class TestBankAway(BankSuite):
    @pytest.fixture
    def bank(self, peers: Peers) -> BankAway:
        return BankAway(DatasetBank(peers.dataset), Degradation("dataset-svc", CollectorRegistry()))


class _Remembering(MemorySuite):
    @pytest.fixture
    def remembered(self, peers: Peers) -> Callable[[str, str], Awaitable[list[str]]]:
        async def ids(conversation_id: str, user_id: str) -> list[str]:
            request = conversation_pb2.GetConversationRequest(
                conversation_id=conversation_id, user_id=user_id
            )
            page = await peers.dataset.ask(lambda stub: stub.GetConversation(request))
            return [each.id for each in page.messages]

        return ids


class TestDatasetMemory(_Remembering):
    @pytest.fixture
    def memory(self, peers: Peers) -> DatasetMemory:
        return DatasetMemory(peers.dataset)


class TestJournalledMemory(_Remembering):
    @pytest.fixture
    async def memory(self, peers: Peers, settings: GatewaySettings) -> AsyncIterator[JournalledMemory]:
        async with Journal(settings.data_dir / "other.sqlite") as journal:
            degradation = Degradation("dataset-svc", CollectorRegistry())
            yield JournalledMemory(DatasetMemory(peers.dataset), journal, degradation, max_entries=10)


class TestMakersAway(MakersSuite):
    @pytest.fixture
    def makers(self, peers: Peers) -> MakersAway:
        return MakersAway(TaskMakers(peers.task), Degradation("task-svc", CollectorRegistry()))
