"""The contract's messages to the model and back; no decisions."""

from collections.abc import AsyncIterator

from google.protobuf.timestamp_pb2 import Timestamp

from dataset_svc.conflicts import Conflict
from dataset_svc.emotions import Emotion
from dataset_svc.model import (
    Analyser,
    Change,
    ChangeKind,
    Conversation,
    Dataset,
    DatasetEdit,
    Durability,
    Example,
    ImportOpening,
    ImportProgress,
    ImportReport,
    ImportRow,
    Message,
    Rating,
    ReplicaStats,
    Role,
    SearchHit,
    SearchQuery,
)
from mcai.dataset.v1 import bank_pb2, conversation_pb2, search_pb2
from servicekit.errors import InvalidArgument
from servicekit.times import checked_seconds

MAX_ROWS_A_MESSAGE = 1_000

DURABILITIES = {
    Durability.COMMITTED: bank_pb2.DURABILITY_COMMITTED,
    Durability.JOURNALLED: bank_pb2.DURABILITY_JOURNALLED,
}
CHANGE_KINDS = {
    ChangeKind.CREATED: bank_pb2.CHANGE_KIND_CREATED,
    ChangeKind.UPDATED: bank_pb2.CHANGE_KIND_UPDATED,
    ChangeKind.DELETED: bank_pb2.CHANGE_KIND_DELETED,
}
ANALYSERS = {
    Analyser.ENGLISH: bank_pb2.ANALYSER_ENGLISH,
    Analyser.NEUTRAL: bank_pb2.ANALYSER_NEUTRAL,
}
ANALYSERS_BACK = {value: analyser for analyser, value in ANALYSERS.items()}
ROLES = {
    Role.USER: conversation_pb2.ROLE_USER,
    Role.ASSISTANT: conversation_pb2.ROLE_ASSISTANT,
    Role.SYSTEM: conversation_pb2.ROLE_SYSTEM,
}
RATINGS = {
    Rating.LIKE: conversation_pb2.RATING_LIKE,
    Rating.DISLIKE: conversation_pb2.RATING_DISLIKE,
}
ROLES_BACK = {value: role for role, value in ROLES.items()}
RATINGS_BACK = {value: rating for rating, value in RATINGS.items()}


def timestamp(seconds: float) -> Timestamp:
    """Seconds since the epoch as a Timestamp, to the microsecond."""
    message = Timestamp()
    message.FromMicroseconds(round(seconds * 1e6))
    return message


def dataset_message(dataset: Dataset) -> bank_pb2.Dataset:
    """A dataset."""
    return bank_pb2.Dataset(
        domain=dataset.domain,
        description=dataset.description,
        example_count=dataset.example_count,
        create_time=timestamp(dataset.create_time),
        update_time=timestamp(dataset.update_time),
        retention_days=dataset.retention_days,
        max_examples=dataset.max_examples,
        analyser=ANALYSERS[dataset.analyser],
        archived_count=dataset.archived_count,
    )


def dataset_fields(message: bank_pb2.CreateDatasetRequest) -> DatasetEdit:
    """The fields of a new dataset."""
    return DatasetEdit(
        message.description, message.retention_days, message.max_examples, _analyser(message.analyser)
    )


def dataset_edit(message: bank_pb2.UpdateDatasetRequest) -> DatasetEdit:
    """What is to change of a dataset."""
    return DatasetEdit(
        message.description if message.HasField("description") else None,
        message.retention_days if message.HasField("retention_days") else None,
        message.max_examples if message.HasField("max_examples") else None,
        _analyser(message.analyser) if message.HasField("analyser") else None,
    )


def _analyser(value: bank_pb2.Analyser.ValueType) -> Analyser:
    if value == bank_pb2.ANALYSER_UNSPECIFIED:
        return Analyser.ENGLISH
    if value not in ANALYSERS_BACK:
        raise InvalidArgument("analyser must be english or neutral.", metadata={"field": "analyser"})
    return ANALYSERS_BACK[value]


def example_message(example: Example) -> bank_pb2.Example:
    """An example."""
    return bank_pb2.Example(
        id=example.id,
        domain=example.domain,
        prompt=example.prompt,
        response=example.response,
        metadata_json=example.metadata_json,
        content_hash=example.content_hash,
        create_time=timestamp(example.create_time),
        update_time=timestamp(example.update_time),
    )


def change_message(change: Change) -> bank_pb2.Change:
    """An entry of the change feed."""
    return bank_pb2.Change(
        sequence=change.sequence,
        kind=CHANGE_KINDS[change.kind],
        example_id=change.example_id,
        domain=change.domain,
        example=example_message(change.example) if change.example is not None else None,
    )


def conflict_message(conflict: Conflict) -> bank_pb2.Conflict:
    """A journalled change that met another."""
    return bank_pb2.Conflict(
        sequence=conflict.sequence,
        example_id=conflict.example_id,
        domain=conflict.domain,
        journalled_kept=conflict.journalled_kept,
        lost_json=conflict.lost_json,
        lost_time=timestamp(conflict.lost_time),
        create_time=timestamp(conflict.create_time),
    )


def search_query(message: search_pb2.SearchQuery) -> SearchQuery:
    """A search as it is asked for."""
    return SearchQuery(
        text=message.query,
        domains=tuple(message.domains),
        limit=message.limit,
        want_snippets=message.want_snippets,
        want_explanation=message.want_explanation,
    )


def hit_message(hit: SearchHit) -> search_pb2.SearchHit:
    """An example that was found."""
    return search_pb2.SearchHit(
        example=example_message(hit.example),
        score=hit.score,
        confidence=hit.confidence,
        snippet_html=hit.snippet_html,
        explanation_json=hit.explanation_json,
    )


async def import_stream(
    requests: AsyncIterator[bank_pb2.ImportExamplesRequest],
) -> tuple[ImportOpening, AsyncIterator[list[ImportRow]]]:
    """How a stream opens, and its rows, a list a message.

    Raises InvalidArgument when the header does not come first, or a message holds too many rows.
    """
    first = await anext(requests, None)
    if first is None:
        return ImportOpening(), _batches("", None, requests)
    if not first.HasField("header"):
        raise _misplaced()
    header = first.header
    opening = ImportOpening(header.request_id, header.first_row, header.default_domain)
    return opening, _batches(header.default_domain, first, requests)


async def _batches(
    default_domain: str,
    first: bank_pb2.ImportExamplesRequest | None,
    requests: AsyncIterator[bank_pb2.ImportExamplesRequest],
) -> AsyncIterator[list[ImportRow]]:
    if first is not None:
        yield _rows(first, default_domain)
    async for request in requests:
        if request.HasField("header"):
            raise _misplaced()
        yield _rows(request, default_domain)


def _rows(request: bank_pb2.ImportExamplesRequest, default_domain: str) -> list[ImportRow]:
    if len(request.rows) > MAX_ROWS_A_MESSAGE:
        raise InvalidArgument(f"A message may have at most {MAX_ROWS_A_MESSAGE:,} rows.")
    return [
        ImportRow(
            row.domain or default_domain,
            row.prompt,
            row.response,
            row.metadata_json,
            row.origin,
            row.problem,
        )
        for row in request.rows
    ]


def _misplaced() -> InvalidArgument:
    return InvalidArgument("The header belongs in the first message of an import, and only there.")


def progress_message(progress: ImportProgress) -> bank_pb2.GetImportResponse:
    """How far an import has come."""
    return bank_pb2.GetImportResponse(
        next_row=progress.next_row,
        added=progress.added,
        duplicates=progress.duplicates,
        rejected=progress.rejected,
        finished=progress.finished,
        update_time=timestamp(progress.update_time) if progress.update_time else None,
    )


def report_message(report: ImportReport) -> bank_pb2.ImportExamplesResponse:
    """What became of an import."""
    return bank_pb2.ImportExamplesResponse(
        read=report.read,
        added=report.added,
        duplicates=report.duplicates,
        rejected=report.rejected,
        rejections=[
            bank_pb2.RejectedRow(origin=each.origin, reason=each.reason) for each in report.rejections
        ],
    )


def emotion_message(emotion: Emotion) -> bank_pb2.Emotion:
    """An entry of the emotion catalogue."""
    return bank_pb2.Emotion(
        name=emotion.name, frequency_hz=emotion.frequency_hz, group=emotion.group, band=emotion.band
    )


def stats_message(stats: ReplicaStats) -> bank_pb2.GetStatsResponse:
    """The measure of this replica."""
    return bank_pb2.GetStatsResponse(
        datasets=stats.counts.datasets,
        examples=stats.counts.examples,
        conversations=stats.counts.conversations,
        messages=stats.counts.messages,
        feedback=stats.counts.feedback,
        archived=stats.counts.archived,
        index_documents=stats.index_documents,
        index_bytes=stats.index_bytes,
        index_sequence=stats.index_sequence,
        head_sequence=stats.head_sequence,
        journalled=stats.journalled,
        store=stats.store,
        store_available=stats.store_available,
    )


def message_of(message: conversation_pb2.Message, now: float) -> Message:
    """A thing said, at `now` if it does not say when; raises InvalidArgument for one that nobody said."""
    if message.role not in ROLES_BACK:
        raise InvalidArgument("role must be user, assistant or system.", metadata={"field": "role"})
    given = message.create_time if message.HasField("create_time") else None
    return Message(
        id=message.id,
        role=ROLES_BACK[message.role],
        content=message.content,
        metadata_json=message.metadata_json or "{}",
        create_time=now if given is None else checked_seconds("create_time", given),
    )


def said_message(message: Message) -> conversation_pb2.Message:
    """A thing said."""
    return conversation_pb2.Message(
        id=message.id,
        role=ROLES[message.role],
        content=message.content,
        metadata_json=message.metadata_json,
        create_time=timestamp(message.create_time),
    )


def conversation_message(conversation: Conversation) -> conversation_pb2.Conversation:
    """A conversation."""
    return conversation_pb2.Conversation(
        id=conversation.id,
        user_id=conversation.user_id,
        title=conversation.title,
        message_count=conversation.message_count,
        create_time=timestamp(conversation.create_time),
        update_time=timestamp(conversation.update_time),
    )


def rating_of(value: conversation_pb2.Rating.ValueType) -> Rating:
    """An opinion; raises InvalidArgument for none."""
    if value not in RATINGS_BACK:
        raise InvalidArgument("rating must be like or dislike.", metadata={"field": "rating"})
    return RATINGS_BACK[value]
