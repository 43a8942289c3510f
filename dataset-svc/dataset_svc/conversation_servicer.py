"""Conversations and feedback over gRPC: proto to model and back."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from dataset_svc.conversation_service import ConversationService
from dataset_svc.model import Feedback
from dataset_svc.user_service import UserService
from dataset_svc.wire import DURABILITIES, conversation_message, message_of, rating_of, said_message
from mcai.dataset.v1 import conversation_pb2, dataset_pb2_grpc
from servicekit.times import checked_seconds

Context = grpc.aio.ServicerContext[Any, Any]


class ConversationServicer(dataset_pb2_grpc.DatasetServiceServicer):
    """The part of the contract that is about what was said; translates and delegates."""

    def __init__(
        self, conversations: ConversationService, users: UserService, clock: Callable[[], float]
    ) -> None:
        self._conversations = conversations
        self._users = users
        self._clock = clock

    async def AppendMessages(
        self, request: conversation_pb2.AppendMessagesRequest, context: Context
    ) -> conversation_pb2.AppendMessagesResponse:
        """See the contract."""
        now = self._clock()
        durability = await self._conversations.append(
            request.conversation_id, request.user_id, [message_of(each, now) for each in request.messages]
        )
        return conversation_pb2.AppendMessagesResponse(durability=DURABILITIES[durability])

    async def GetConversation(
        self, request: conversation_pb2.GetConversationRequest, context: Context
    ) -> conversation_pb2.GetConversationResponse:
        """See the contract."""
        conversation, messages, token = await self._conversations.get(
            request.conversation_id, request.user_id, request.page_size, request.page_token
        )
        return conversation_pb2.GetConversationResponse(
            conversation=conversation_message(conversation),
            messages=[said_message(each) for each in messages],
            next_page_token=token,
        )

    async def ListConversations(
        self, request: conversation_pb2.ListConversationsRequest, context: Context
    ) -> conversation_pb2.ListConversationsResponse:
        """See the contract."""
        conversations, token = await self._conversations.list_conversations(
            request.user_id, request.page_size, request.page_token
        )
        return conversation_pb2.ListConversationsResponse(
            conversations=[conversation_message(each) for each in conversations], next_page_token=token
        )

    async def RenameConversation(
        self, request: conversation_pb2.RenameConversationRequest, context: Context
    ) -> conversation_pb2.RenameConversationResponse:
        """See the contract."""
        renamed = await self._conversations.rename(request.conversation_id, request.user_id, request.title)
        return conversation_pb2.RenameConversationResponse(conversation=conversation_message(renamed))

    async def DeleteConversation(
        self, request: conversation_pb2.DeleteConversationRequest, context: Context
    ) -> conversation_pb2.DeleteConversationResponse:
        """See the contract."""
        await self._conversations.delete(request.conversation_id, request.user_id)
        return conversation_pb2.DeleteConversationResponse()

    async def RecordFeedback(
        self, request: conversation_pb2.RecordFeedbackRequest, context: Context
    ) -> conversation_pb2.RecordFeedbackResponse:
        """See the contract."""
        feedback = Feedback(
            id=request.feedback_id,
            user_id=request.user_id,
            message=request.message,
            rating=rating_of(request.rating),
            metadata_json=request.metadata_json or "{}",
            create_time=self._clock(),
        )
        durability = await self._conversations.record_feedback(feedback)
        return conversation_pb2.RecordFeedbackResponse(durability=DURABILITIES[durability])

    async def SearchMessages(
        self, request: conversation_pb2.SearchMessagesRequest, context: Context
    ) -> conversation_pb2.SearchMessagesResponse:
        """See the contract."""
        found, token = await self._conversations.search(
            request.user_id,
            request.query,
            checked_seconds("after_time", request.after_time) if request.HasField("after_time") else None,
            request.page_size,
            request.page_token,
        )
        return conversation_pb2.SearchMessagesResponse(
            messages=[
                conversation_pb2.FoundMessage(conversation_id=conversation_id, message=said_message(message))
                for conversation_id, message in found
            ],
            next_page_token=token,
        )

    async def ExportUser(
        self, request: conversation_pb2.ExportUserRequest, context: Context
    ) -> AsyncIterator[conversation_pb2.ExportUserResponse]:
        """See the contract."""
        async for record in self._users.export(request.user_id):
            yield conversation_pb2.ExportUserResponse(record_json=record)

    async def DeleteUser(
        self, request: conversation_pb2.DeleteUserRequest, context: Context
    ) -> conversation_pb2.DeleteUserResponse:
        """See the contract."""
        counts = await self._users.delete(request.user_id)
        return conversation_pb2.DeleteUserResponse(
            conversations=counts.conversations,
            messages=counts.messages,
            feedback=counts.feedback,
            examples=counts.examples,
        )
