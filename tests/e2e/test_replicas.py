"""Two gateways behind the front of `deploy/compose.replicas.yml`: either is replaced and no request fails."""

import pytest

from tests.support.compose_project import REPLICATED, ComposeProject, two_gateways
from tests.support.http_load import chat_request, load

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

QUESTION = chat_request("what can you do?")


async def test_a_gateway_is_recreated_under_load_and_no_request_fails(
    compose_project: ComposeProject,
) -> None:
    with two_gateways(compose_project) as front:
        before = _containers(compose_project)
        async with load(lambda: [front], QUESTION) as seen:
            for service in ("gateway", "gateway-b"):
                await seen.at_least(100)
                await compose_project.run_beside(
                    *REPLICATED, "up", "--detach", "--wait", "--no-deps", "--force-recreate", service
                )
            await seen.at_least(100)

        assert seen.failures == []
        assert not before & _containers(compose_project)


def _containers(project: ComposeProject) -> set[str]:
    found = set(project.run(*REPLICATED, "ps", "--quiet", "gateway", "gateway-b").split())
    assert len(found) == 2
    return found


async def test_events_pass_the_front_as_they_come(compose_project: ComposeProject) -> None:
    with two_gateways(compose_project):
        answer = compose_project.client.post(
            "/api/chat", json={"message": "what can you do?"}, headers={"accept": "text/event-stream"}
        )

        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "event: done" in answer.text
