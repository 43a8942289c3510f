from hypothesis import given
from hypothesis import strategies as st

from dataset_svc import journal_entries as entries
from dataset_svc.conflicts import Appended, Deletion, Edit
from dataset_svc.model import Example, Feedback, Message, Rating, Role
from servicekit.journal import Entry

# What the model admits: no lone surrogates and no NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
times = st.floats(0, 4e9)
examples = st.builds(Example, texts, texts, texts, texts, texts, times, times)
messages = st.builds(Message, texts, st.sampled_from(Role), texts, texts, times)
feedbacks = st.builds(Feedback, texts, texts, texts, st.sampled_from(Rating), texts, times)


def kept(entry: tuple[str, str, bytes]) -> Entry:
    return Entry(1, *entry)


@given(examples)
def test_an_example_comes_back_as_it_was(example: Example) -> None:
    assert entries.write_of(kept(entries.of_example(example, "new"))) == example


@given(examples, times, st.none() | texts)
def test_an_edit_comes_back_as_it_was(example: Example, base_time: float, base_user: str | None) -> None:
    edit = Edit(example, base_time, base_user)
    assert entries.write_of(kept(entries.of_edit(edit, "new"))) == edit


@given(texts, texts, times, times)
def test_a_deletion_comes_back_as_it_was(example_id: str, domain: str, base_time: float, time: float) -> None:
    deletion = Deletion(example_id, domain, base_time, time)
    assert entries.write_of(kept(entries.of_deletion(deletion, "new"))) == deletion


@given(feedbacks)
def test_feedback_comes_back_as_it_was(feedback: Feedback) -> None:
    assert entries.write_of(kept(entries.of_feedback(feedback))) == feedback


@given(texts, texts, st.lists(messages, max_size=3))
def test_messages_come_back_as_they_were(conversation: str, user: str, said: list[Message]) -> None:
    entry = kept(entries.of_messages(conversation, user, said))
    assert entries.write_of(entry) == Appended(conversation, user, tuple(said))


def test_the_same_call_has_the_same_id_and_another_has_another() -> None:
    one, two = (Message(name, Role.USER, "Hello", "{}", 1.0) for name in ("a", "b"))
    ids = [entries.of_messages("c", "ada", said)[0] for said in ([one], [one], [one, two], [two], [two, one])]
    assert ids[0] == ids[1]
    assert len(set(ids[1:])) == 4
