from servicekit.capabilities import Level, Standing, judge

WELL = Standing(serving=True)
AWAY = Standing(serving=False)


def levels(**standings: Standing) -> dict[str, Level]:
    everyone = {"gateway": WELL, "knowledge-svc": WELL, "dataset-svc": WELL, "task-svc": WELL}
    named = {name.replace("_", "-"): each for name, each in standings.items()}
    return {verdict.name: verdict.level for verdict in judge(everyone | named)}


def without(*names: str) -> Standing:
    return Standing(serving=True, missing=frozenset(names))


OK, DEGRADED, DOWN = Level.OK, Level.DEGRADED, Level.DOWN


def test_all_is_there_when_everybody_serves() -> None:
    assert levels() == {"chat": OK, "search": OK, "write": OK, "tasks": OK}
    assert all(verdict.message == "" for verdict in judge({}))


def test_without_the_bank_cached_answers_go_on() -> None:
    assert levels(dataset_svc=AWAY) == {"chat": DEGRADED, "search": DOWN, "write": DOWN, "tasks": OK}


def test_without_the_cache_only_the_chat_has_less() -> None:
    assert levels(knowledge_svc=AWAY) == {"chat": DEGRADED, "search": OK, "write": OK, "tasks": OK}


def test_without_both_there_is_no_chat() -> None:
    assert levels(knowledge_svc=AWAY, dataset_svc=AWAY)["chat"] is DOWN


def test_without_task_svc_only_tasks_are_down() -> None:
    assert levels(task_svc=AWAY) == {"chat": OK, "search": OK, "write": OK, "tasks": DOWN}


def test_without_a_gateway_nothing_is_there() -> None:
    assert set(levels(gateway=AWAY).values()) == {DOWN}


def test_a_store_costs_what_leans_on_it() -> None:
    assert levels(knowledge_svc=without("redis")) == {
        "chat": DEGRADED,
        "search": OK,
        "write": OK,
        "tasks": OK,
    }
    assert levels(dataset_svc=without("postgres")) == {
        "chat": DEGRADED,
        "search": DEGRADED,
        "write": DEGRADED,
        "tasks": OK,
    }
    assert levels(task_svc=without("broker"))["tasks"] is DEGRADED


def test_each_cost_is_told_once_and_an_unknown_one_by_its_name() -> None:
    verdicts = {
        each.name: each.message
        for each in judge({"task-svc": without("broker", "oven"), "dataset-svc": without("postgres")})
    }

    assert verdicts["tasks"] == "Tasks run in the local pool of task-svc. task-svc works without oven."
    assert verdicts["write"].count("journalled") == 1


def test_working_without_a_service_is_judged_by_that_service() -> None:
    assert levels(knowledge_svc=without("dataset-svc"))["chat"] is OK
