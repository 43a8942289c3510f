"""The bank over gRPC: proto to model and back."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from dataset_svc.archiving import ArchiveService
from dataset_svc.conflict_service import ConflictService
from dataset_svc.conversation_service import ConversationService
from dataset_svc.conversation_servicer import Context, ConversationServicer
from dataset_svc.emotions import catalogue
from dataset_svc.feed_service import FeedService
from dataset_svc.importing import ImportService
from dataset_svc.service import BankService
from dataset_svc.user_service import UserService
from dataset_svc.wire import (
    DURABILITIES,
    change_message,
    conflict_message,
    dataset_edit,
    dataset_fields,
    dataset_message,
    emotion_message,
    example_message,
    hit_message,
    import_stream,
    progress_message,
    report_message,
    search_query,
    stats_message,
)
from mcai.dataset.v1 import bank_pb2, search_pb2


class DatasetServicer(ConversationServicer):
    """Translates and delegates."""

    def __init__(
        self,
        bank: BankService,
        feed: FeedService,
        imports: ImportService,
        archive: ArchiveService,
        conversations: ConversationService,
        users: UserService,
        conflicts: ConflictService,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(conversations, users, clock)
        self._bank = bank
        self._feed = feed
        self._imports = imports
        self._archive = archive
        self._conflicts = conflicts

    async def ListDatasets(
        self, request: bank_pb2.ListDatasetsRequest, context: Context
    ) -> bank_pb2.ListDatasetsResponse:
        """See the contract."""
        datasets, token = await self._bank.list_datasets(request.page_size, request.page_token)
        return bank_pb2.ListDatasetsResponse(
            datasets=[dataset_message(each) for each in datasets], next_page_token=token
        )

    async def GetDataset(
        self, request: bank_pb2.GetDatasetRequest, context: Context
    ) -> bank_pb2.GetDatasetResponse:
        """See the contract."""
        dataset = await self._bank.get_dataset(request.domain)
        return bank_pb2.GetDatasetResponse(dataset=dataset_message(dataset))

    async def CreateDataset(
        self, request: bank_pb2.CreateDatasetRequest, context: Context
    ) -> bank_pb2.CreateDatasetResponse:
        """See the contract."""
        dataset = await self._bank.create_dataset(request.domain, dataset_fields(request), request.request_id)
        return bank_pb2.CreateDatasetResponse(dataset=dataset_message(dataset))

    async def UpdateDataset(
        self, request: bank_pb2.UpdateDatasetRequest, context: Context
    ) -> bank_pb2.UpdateDatasetResponse:
        """See the contract."""
        dataset = await self._bank.update_dataset(request.domain, dataset_edit(request))
        return bank_pb2.UpdateDatasetResponse(dataset=dataset_message(dataset))

    async def DeleteDataset(
        self, request: bank_pb2.DeleteDatasetRequest, context: Context
    ) -> bank_pb2.DeleteDatasetResponse:
        """See the contract."""
        deleted = await self._bank.delete_dataset(request.domain, force=request.force)
        return bank_pb2.DeleteDatasetResponse(deleted_examples=deleted)

    async def GetExample(
        self, request: bank_pb2.GetExampleRequest, context: Context
    ) -> bank_pb2.GetExampleResponse:
        """See the contract."""
        example = await self._bank.get_example(request.example_id)
        return bank_pb2.GetExampleResponse(example=example_message(example))

    async def ListExamples(
        self, request: bank_pb2.ListExamplesRequest, context: Context
    ) -> bank_pb2.ListExamplesResponse:
        """See the contract."""
        pages = self._archive.list if request.archived else self._bank.list_examples
        examples, token = await pages(request.domain, request.page_size, request.page_token)
        return bank_pb2.ListExamplesResponse(
            examples=[example_message(each) for each in examples], next_page_token=token
        )

    async def SearchExamples(
        self, request: search_pb2.SearchExamplesRequest, context: Context
    ) -> search_pb2.SearchExamplesResponse:
        """See the contract."""
        (hits,), sequence = await self._bank.search([search_query(request.query)])
        return search_pb2.SearchExamplesResponse(
            hits=[hit_message(each) for each in hits], index_sequence=sequence
        )

    async def BatchSearch(
        self, request: search_pb2.BatchSearchRequest, context: Context
    ) -> search_pb2.BatchSearchResponse:
        """See the contract."""
        results, sequence = await self._bank.search([search_query(each) for each in request.queries])
        return search_pb2.BatchSearchResponse(
            results=[search_pb2.SearchResult(hits=[hit_message(each) for each in hits]) for hits in results],
            index_sequence=sequence,
        )

    async def CreateExample(
        self, request: bank_pb2.CreateExampleRequest, context: Context
    ) -> bank_pb2.CreateExampleResponse:
        """See the contract."""
        example, durability, duplicate = await self._bank.create_example(
            request.domain, request.prompt, request.response, request.metadata_json, request.request_id
        )
        return bank_pb2.CreateExampleResponse(
            example=example_message(example), durability=DURABILITIES[durability], duplicate=duplicate
        )

    async def UpdateExample(
        self, request: bank_pb2.UpdateExampleRequest, context: Context
    ) -> bank_pb2.UpdateExampleResponse:
        """See the contract."""
        outcome = await self._bank.update_example(
            request.example_id,
            request.prompt if request.HasField("prompt") else None,
            request.response if request.HasField("response") else None,
            request.metadata_json if request.HasField("metadata_json") else None,
        )
        return bank_pb2.UpdateExampleResponse(
            example=example_message(outcome.example), durability=DURABILITIES[outcome.durability]
        )

    async def DeleteExample(
        self, request: bank_pb2.DeleteExampleRequest, context: Context
    ) -> bank_pb2.DeleteExampleResponse:
        """See the contract."""
        durability = await self._bank.delete_example(request.example_id)
        return bank_pb2.DeleteExampleResponse(durability=DURABILITIES[durability])

    async def ImportExamples(
        self, request_iterator: AsyncIterator[bank_pb2.ImportExamplesRequest], context: Context
    ) -> bank_pb2.ImportExamplesResponse:
        """See the contract."""
        opening, batches = await import_stream(request_iterator)
        return report_message(await self._imports.run(opening, batches))

    async def GetImport(
        self, request: bank_pb2.GetImportRequest, context: Context
    ) -> bank_pb2.GetImportResponse:
        """See the contract."""
        return progress_message(await self._imports.progress(request.request_id))

    async def ExportExamples(
        self, request: bank_pb2.ExportExamplesRequest, context: Context
    ) -> AsyncIterator[bank_pb2.ExportExamplesResponse]:
        """See the contract."""
        async for examples in self._feed.export(request.domain):
            yield bank_pb2.ExportExamplesResponse(examples=[example_message(each) for each in examples])

    async def ArchiveExamples(
        self, request: bank_pb2.ArchiveExamplesRequest, context: Context
    ) -> bank_pb2.ArchiveExamplesResponse:
        """See the contract."""
        archived = await self._archive.archive(request.example_ids, request.domain)
        return bank_pb2.ArchiveExamplesResponse(archived=archived)

    async def RestoreExamples(
        self, request: bank_pb2.RestoreExamplesRequest, context: Context
    ) -> bank_pb2.RestoreExamplesResponse:
        """See the contract."""
        moved = await self._archive.restore(request.example_ids, request.domain)
        return bank_pb2.RestoreExamplesResponse(restored=moved.moved, duplicates=moved.kept)

    async def ListConflicts(
        self, request: bank_pb2.ListConflictsRequest, context: Context
    ) -> bank_pb2.ListConflictsResponse:
        """See the contract."""
        conflicts, token = await self._conflicts.list(request.page_size, request.page_token)
        return bank_pb2.ListConflictsResponse(
            conflicts=[conflict_message(each) for each in conflicts], next_page_token=token
        )

    async def WatchChanges(
        self, request: bank_pb2.WatchChangesRequest, context: Context
    ) -> AsyncIterator[bank_pb2.WatchChangesResponse]:
        """See the contract."""
        async with aclosing(self._feed.watch(request.after_sequence)) as feed:
            async for changes, head in feed:
                yield bank_pb2.WatchChangesResponse(
                    changes=[change_message(each) for each in changes], head_sequence=head
                )

    async def ListEmotions(
        self, request: bank_pb2.ListEmotionsRequest, context: Context
    ) -> bank_pb2.ListEmotionsResponse:
        """See the contract."""
        return bank_pb2.ListEmotionsResponse(emotions=[emotion_message(each) for each in catalogue()])

    async def GetStats(
        self, request: bank_pb2.GetStatsRequest, context: Context
    ) -> bank_pb2.GetStatsResponse:
        """See the contract."""
        return stats_message(await self._feed.stats())
