"""The monitor over gRPC: proto to model and back."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from mcai.monitor.v1 import monitor_pb2, monitor_pb2_grpc
from monitor_svc.service import MonitorService
from monitor_svc.wire import point_message, system_message, transition_message, warning_message
from servicekit.times import checked_seconds

Context = grpc.aio.ServicerContext[Any, Any]


class MonitorServicer(monitor_pb2_grpc.MonitorServiceServicer):
    """Translates and delegates."""

    def __init__(self, service: MonitorService) -> None:
        self._service = service

    async def GetSystemHealth(
        self, request: monitor_pb2.GetSystemHealthRequest, context: Context
    ) -> monitor_pb2.GetSystemHealthResponse:
        """See the contract."""
        max_age = checked_seconds("max_age", request.max_age) if request.HasField("max_age") else None
        return monitor_pb2.GetSystemHealthResponse(
            health=system_message(await self._service.system_health(max_age))
        )

    async def WatchSystemHealth(
        self, request: monitor_pb2.WatchSystemHealthRequest, context: Context
    ) -> AsyncIterator[monitor_pb2.WatchSystemHealthResponse]:
        """See the contract."""
        async for health in self._service.watch():
            yield monitor_pb2.WatchSystemHealthResponse(health=system_message(health))

    async def ListHealthHistory(
        self, request: monitor_pb2.ListHealthHistoryRequest, context: Context
    ) -> monitor_pb2.ListHealthHistoryResponse:
        """See the contract."""
        transitions, token = await self._service.history(
            request.service, request.page_size, request.page_token
        )
        return monitor_pb2.ListHealthHistoryResponse(
            transitions=[transition_message(each) for each in transitions], next_page_token=token
        )

    async def ListWarnings(
        self, request: monitor_pb2.ListWarningsRequest, context: Context
    ) -> monitor_pb2.ListWarningsResponse:
        """See the contract."""
        warnings, token = await self._service.warnings(request.page_size, request.page_token)
        return monitor_pb2.ListWarningsResponse(
            warnings=[warning_message(each) for each in warnings], next_page_token=token
        )

    async def GetFigureHistory(
        self, request: monitor_pb2.GetFigureHistoryRequest, context: Context
    ) -> monitor_pb2.GetFigureHistoryResponse:
        """See the contract."""
        period = checked_seconds("period", request.period) if request.HasField("period") else None
        points, step = await self._service.figure_history(request.service, request.figure, period)
        response = monitor_pb2.GetFigureHistoryResponse(points=[point_message(each) for each in points])
        response.step.FromNanoseconds(round(step * 1e9))
        return response

    async def GetMetrics(
        self, request: monitor_pb2.GetMetricsRequest, context: Context
    ) -> monitor_pb2.GetMetricsResponse:
        """See the contract."""
        return monitor_pb2.GetMetricsResponse(exposition=self._service.metrics())
