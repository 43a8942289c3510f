from knowledge_svc.model import Found, Lease, Tier
from knowledge_svc.prepared import PreparedResults, duration
from mcai.knowledge.v1 import knowledge_pb2 as pb
from tests.support.knowledge_parts import NOW, entry_of, key_of

KEY = key_of("a question")


def written(results: PreparedResults, found: Found, now: float = NOW) -> pb.LookupResult:
    response = pb.BatchLookupResponse()
    results.write(response.results.add(), KEY, found, now)
    return response.results[0]


def test_a_second_hit_has_an_age_of_its_own_and_the_rest_in_common() -> None:
    results, entry = PreparedResults(), entry_of(built_on=("e1",), domains=("d",))

    first = written(results, Found(Tier.MEMORY, entry, age=1.5))
    second = written(results, Found(Tier.MEMORY, entry, age=3.25), NOW + 60)

    assert (first.age, second.age) == (duration(1.5), duration(3.25))
    assert (first.fresh_for, second.fresh_for) == (duration(3_600), duration(3_540))
    assert first.entry == second.entry
    assert second.entry.example_ids == ["e1"]
    assert second.key_hash == KEY


def test_another_entry_under_the_same_key_is_written_anew() -> None:
    results = PreparedResults()
    written(results, Found(Tier.MEMORY, entry_of(b"the first")))

    assert written(results, Found(Tier.MEMORY, entry_of(b"the second"))).entry.value == b"the second"


def test_the_same_entry_out_of_another_tier_says_so() -> None:
    results, entry = PreparedResults(), entry_of()
    written(results, Found(Tier.MEMORY, entry))

    assert written(results, Found(Tier.REDIS, entry)).tier == pb.CACHE_TIER_REDIS


def test_a_stale_hit_says_so_and_comes_with_its_lease() -> None:
    results, entry = PreparedResults(), entry_of()
    written(results, Found(Tier.MEMORY, entry))

    result = written(results, Found(Tier.MEMORY, entry, stale=True, lease=Lease("token", 10.0)))

    assert result.stale
    assert not result.HasField("fresh_for")
    assert (result.lease.token, result.lease.ttl) == ("token", duration(10.0))


def test_a_miss_names_nothing() -> None:
    assert written(PreparedResults(), Found()) == pb.LookupResult(tier=pb.CACHE_TIER_MISS)
