"""Mutual TLS, with certificates made here: only who the system's own authority signed for is spoken to."""

import asyncio
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import knowledge_svc.__main__ as knowledge
from gateway.backends import open_peers
from gateway.settings import GatewaySettings
from knowledge_svc.settings import KnowledgeSettings
from monitor_svc.replicas import GrpcReplicas
from servicekit.errors import ConfigurationError, PeerUnavailable, translating
from servicekit.server import GrpcServer
from servicekit.settings import load
from servicekit.tls import read_tls
from tests.integration.servicekit.conftest import Connect, StartServer
from tests.support.certificates import Authority
from tests.support.dataset_replica import dataset_replica
from tests.support.echo_service import EchoStub, Text


@pytest.fixture
def ours() -> Authority:
    """The system's authority."""
    return Authority()


@pytest.fixture
async def secured(start_server: StartServer, ours: Authority, tmp_path: Path) -> GrpcServer:
    """A server that asks for certificates."""
    return await start_server(listen="127.0.0.1:0", tls_dir=ours.sign(tmp_path / "server", "mcai"))


async def test_who_is_signed_for_is_answered(
    secured: GrpcServer, connect: Connect, ours: Authority, tmp_path: Path
) -> None:
    tls = read_tls(ours.sign(tmp_path / "client", "mcai"), "mcai")
    answer = await EchoStub(connect(secured, tls=tls)).Unary(Text(value="hello"))

    assert answer.value == "hello"


@pytest.mark.parametrize("who", ["nobody", "signed by another", "looks for another name"])
async def test_nobody_else_is(
    secured: GrpcServer, connect: Connect, ours: Authority, tmp_path: Path, who: str
) -> None:
    tls = None
    if who == "signed by another":
        tls = read_tls(Authority().sign(tmp_path / "client", "mcai"), "mcai")
    elif who == "looks for another name":
        tls = read_tls(ours.sign(tmp_path / "client", "mcai"), "somebody")
    with pytest.raises(PeerUnavailable), translating("echo"):
        await EchoStub(connect(secured, tls=tls)).Unary(Text(value="hello"))


async def test_a_stranger_who_believes_our_authority_is_let_in_no_more(
    secured: GrpcServer, connect: Connect, tmp_path: Path
) -> None:
    stranger = Authority().sign(tmp_path / "client", "mcai")
    (stranger / "ca.pem").write_bytes((tmp_path / "server" / "ca.pem").read_bytes())
    with pytest.raises(PeerUnavailable), translating("echo"):
        await EchoStub(connect(secured, tls=read_tls(stranger, "mcai"))).Unary(Text(value="hello"))


async def test_the_services_speak_to_one_another_by_it(ours: Authority, tmp_path: Path) -> None:
    told = {"tls_dir": ours.sign(tmp_path / "all", "mcai")}
    async with dataset_replica(tmp_path / "dataset", listen="127.0.0.1:0", **told) as bank:
        target = bank.server.address
        own = load(
            KnowledgeSettings,
            listen="127.0.0.1:0",
            data_dir=tmp_path / "knowledge",
            dataset_target=target,
            **told,
        )
        settings = load(GatewaySettings, data_dir=tmp_path / "gateway", dataset_target=target, **told)
        async with (
            knowledge.running(own, CollectorRegistry()),
            open_peers(settings, CollectorRegistry()) as peers,
        ):
            assert (await peers.dataset.status()).service == "dataset-svc"
        monitor = GrpcReplicas("dataset-svc", target, None, tls=read_tls(told["tls_dir"], "mcai"))
        (answer,) = await monitor.ask(20.0)
        await monitor.close()
        assert answer.status is not None, answer


async def test_the_probe_of_a_container_shows_the_certificate(secured: GrpcServer, tmp_path: Path) -> None:
    async def probe(*arguments: str) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "servicekit.probe", secured.address, *arguments
        )
        return await process.wait()

    assert await probe() == 1
    assert await probe(str(tmp_path / "server")) == 0


async def test_a_folder_without_certificates_is_told_of(start_server: StartServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"MCAI_TLS_DIR: .*ca\.pem cannot be read"):
        await start_server(listen="127.0.0.1:0", tls_dir=tmp_path)
