import asyncio
import json
import os
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_svc.codec import decode, encode, packed
from knowledge_svc.model import Entry, EntryKind
from tests.support.knowledge_parts import entry_of, key_of

KEY = key_of("a question")

NAMES = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=5).map(tuple)
TIMES = st.floats(0, 2e9)
ENTRIES = st.builds(
    Entry,
    value=st.binary(max_size=2_000),
    kind=st.sampled_from(EntryKind),
    example_ids=NAMES,
    domains=NAMES,
    sequence=st.integers(0, 2**50),
    filled_at=TIMES,
    fresh_until=TIMES,
    expires_at=TIMES,
)


@settings(deadline=None)
@given(ENTRIES)
def test_what_is_encoded_comes_back(entry: Entry) -> None:
    assert decode(KEY, encode(KEY, entry)) == entry


def test_a_large_value_is_compressed() -> None:
    assert len(encode(KEY, entry_of(b"words " * 10_000))) < 1_000


def test_the_largest_value_comes_back_even_if_it_cannot_be_compressed() -> None:
    entry = entry_of(os.urandom(1024 * 1024))

    assert decode(KEY, encode(KEY, entry)) == entry


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_a_miss(rubbish: bytes) -> None:
    assert decode(KEY, rubbish) is None


@settings(deadline=None)
@given(st.data())
def test_a_damaged_byte_is_a_miss(data: st.DataObject) -> None:
    sealed = bytearray(encode(KEY, entry_of(b"words " * data.draw(st.sampled_from([1, 100])))))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))

    assert decode(KEY, bytes(sealed)) is None


@settings(deadline=None)
@given(st.integers(0, 100))
def test_a_value_that_was_cut_is_a_miss(length: int) -> None:
    assert decode(KEY, encode(KEY, entry_of(os.urandom(200)))[:length]) is None


@pytest.mark.parametrize("value", [b"small", b"large " * 1_000])
def test_a_value_under_another_key_is_a_miss(value: bytes) -> None:
    assert decode(key_of("another question"), encode(KEY, entry_of(value))) is None


def test_an_entry_that_was_compressed_without_the_dictionary_is_still_read() -> None:
    entry = entry_of(b"words " * 100)
    body = bytes((2, 1)), zstandard.ZstdCompressor().compress(packed(entry))
    seal = zlib.crc32(body[1], zlib.crc32(KEY + body[0])).to_bytes(4, "big")

    assert decode(KEY, body[0] + seal + body[1]) == entry


def test_an_entry_of_another_dictionary_is_a_miss() -> None:
    entry = entry_of(b"words " * 100)
    samples = [f"sample {number} of a text that has {number * 7} words".encode() for number in range(500)]
    compressor = zstandard.ZstdCompressor(dict_data=zstandard.train_dictionary(1_024, list(samples)))
    form, body = bytes((2, 2)), compressor.compress(packed(entry))
    seal = zlib.crc32(body, zlib.crc32(KEY + form)).to_bytes(4, "big")

    assert decode(KEY, form + seal + body) is None


def test_an_answer_with_the_form_of_the_houses_takes_a_third_of_itself() -> None:
    sources = [
        {
            "id": f"01a2189b-0fe0-7f3c-8be8-{n:012d}",
            "domain": "d",
            "prompt": f"where is number {n}",
            "response": f"it is there, at {n * n}",
            "score": 9.1,
            "confidence": 0.5,
        }
        for n in range(4)
    ]
    value = json.dumps({"kind": "answer", "text": "it is there", "sources": sources, "suggestions": []})

    assert len(encode(KEY, entry_of(value.encode()))) < len(value) / 3


async def test_threads_do_not_disturb_each_other() -> None:
    entries = [entry_of(f"an answer of number {number} ".encode() * 50) for number in range(200)]

    def there_and_back() -> bool:
        return all(decode(KEY, encode(KEY, entry)) == entry for entry in entries)

    assert all(await asyncio.gather(*(asyncio.to_thread(there_and_back) for _ in range(4))))
