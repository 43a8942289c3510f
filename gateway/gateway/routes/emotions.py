"""The catalogue of emotions, and the feeling that a text shows."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request, Response

from gateway import answers, bodies
from gateway.chat.understand import understand
from gateway.dependencies import Deps
from gateway.openapi import told
from gateway.schemas.bank import EmotionCatalogue, emotion_entry
from gateway.schemas.chat import AnalyzeRequest, EmotionAnalysis, emotion_body
from mcai.dataset.v1 import bank_pb2
from servicekit.errors import InvalidArgument

router = APIRouter(prefix="/api", tags=["emotions"])


@router.get("/emotions", **told("emotions list", {200: EmotionCatalogue, 304: None}))
async def list_emotions(deps: Deps, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Lists the product's own catalogue of emotions and frequencies."""
    request = bank_pb2.ListEmotionsRequest()
    response = await deps.peers.dataset.ask(lambda stub: stub.ListEmotions(request))
    catalogue = EmotionCatalogue([emotion_entry(each) for each in response.emotions])
    return answers.tagged(msgspec.json.encode(catalogue), bodies.JSON, if_none_match)


@router.post("/emotion/analyze", **told("emotions analyze", {200: EmotionAnalysis}, body=AnalyzeRequest))
async def analyze(request: Request) -> Response:
    """Reads the feeling of a text; it needs no other service."""
    body = await bodies.read(request, AnalyzeRequest)
    if not body.text.strip():
        raise InvalidArgument("No text provided", metadata={"field": "text"})
    understanding = understand(body.text)
    feeling = msgspec.structs.asdict(emotion_body(understanding.feeling))
    return answers.json(EmotionAnalysis(**feeling, intent=understanding.intent.value))
