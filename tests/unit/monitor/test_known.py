"""When a silent replica counts as away."""

from monitor_svc.known import MAX_INCONCLUSIVE, KnownReplicas
from monitor_svc.model import Answer, HealthStatus, ReplicaStatus

WELL = ReplicaStatus("dataset-svc", "h", 1, "0.1.0", 0.0, 10, 1.0, 0, 0, 0.0, (), (), True)


def heard(address: str) -> Answer:
    return Answer(address, WELL, 1.0)


def silent(address: str) -> Answer:
    return Answer(address, None, 0.0, "refused")


def known_with(*addresses: str) -> KnownReplicas:
    known = KnownReplicas("dataset-svc", 60.0)
    known.update([heard(address) for address in addresses], 10.0)
    return known


def test_one_miss_changes_nothing_and_asks_to_be_confirmed() -> None:
    known = known_with("a")

    after = known.update([silent("a")], 11.0)

    assert after.status is HealthStatus.HEALTHY
    assert after.replicas[0].reachable
    assert known.suspects


def test_two_misses_in_a_row_make_it_away_since_the_second() -> None:
    known = known_with("a")
    known.update([silent("a")], 11.0)

    (replica,) = known.update([silent("a")], 12.0).replicas

    assert (replica.reachable, replica.last_status, replica.last_seen_time) == (False, WELL, 10.0)
    assert (replica.message, replica.since) == ("refused", 12.0)
    assert not known.suspects


def test_an_answer_between_two_misses_forgives_the_first() -> None:
    known = known_with("a")
    for now in (11.0, 12.0, 13.0):
        known.update([silent("a")], now)
        assert known.update([heard("a")], now + 0.5).status is HealthStatus.HEALTHY


def test_it_is_back_with_its_first_answer() -> None:
    known = known_with("a")
    known.update([silent("a")], 11.0)
    known.update([silent("a")], 12.0)

    (replica,) = known.update([heard("a")], 13.0).replicas

    assert (replica.reachable, replica.since, replica.misses) == (True, 13.0, 0)


def test_one_that_never_answered_has_no_credit() -> None:
    known = KnownReplicas("dataset-svc", 60.0)

    assert known.update([silent("a")], 1.0).status is HealthStatus.UNHEALTHY
    assert not known.suspects


def test_a_monitor_that_was_held_up_cannot_tell_but_not_for_ever() -> None:
    known = known_with("a")
    for number in range(MAX_INCONCLUSIVE):
        known.update([silent("a")], 11.0 + number, conclusive=False)
    assert known.update([heard("a")], 15.0).status is HealthStatus.HEALTHY

    for number in range(MAX_INCONCLUSIVE + 2):
        after = known.update([silent("a")], 20.0 + number, conclusive=False)

    assert after.status is HealthStatus.UNHEALTHY


def test_the_others_are_untouched() -> None:
    known = known_with("a", "b")
    known.update([silent("a"), heard("b")], 11.0)

    after = known.update([silent("a"), heard("b")], 12.0)

    assert after.status is HealthStatus.DEGRADED
    assert [each.reachable for each in after.replicas] == [False, True]


def test_a_replica_that_dns_no_longer_names_is_forgotten_after_a_while() -> None:
    known = known_with("a", "b")

    soon = known.update([heard("a")], 70.0)
    later = known.update([heard("a")], 71.0)

    assert [(each.address, each.reachable) for each in soon.replicas] == [("a", True), ("b", False)]
    assert [each.address for each in later.replicas] == ["a"]
    assert (soon.status, later.status) == (HealthStatus.DEGRADED, HealthStatus.HEALTHY)


def test_a_newcomer_takes_the_place_of_one_that_vanished() -> None:
    known = known_with("a", "b")
    known.update([heard("a")], 11.0)

    after = known.update([heard("a"), heard("c")], 12.0)

    assert [each.address for each in after.replicas] == ["a", "c"]
    assert after.status is HealthStatus.HEALTHY


def test_a_name_without_addresses_gives_way_to_the_first_address() -> None:
    known = KnownReplicas("dataset-svc", 60.0)
    known.update([silent("dns:///dataset-svc:50051")], 1.0)

    assert [each.address for each in known.update([heard("a")], 2.0).replicas] == ["a"]
