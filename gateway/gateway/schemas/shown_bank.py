"""More examples for the document: the archive, and what is kept of people. See shown.py."""

from typing import Any, Final

_TIME: Final = "2031-05-06T07:08:09.123456Z"

LATER: Final[dict[str, Any]] = {
    "DatasetChange": {"description": "Questions about networks.", "retention_days": 365},
    "ExampleNames": {"example_ids": ["01a20d25-e205-7544-88b6-2092b69e8a85"]},
    "Archived": {"archived": 1},
    "Restored": {"restored": 1, "duplicates": 0},
    "NewTitle": {"title": "Networks"},
    "ConversationBody": {
        "id": "c-1",
        "user_id": "ada",
        "title": "Networks",
        "message_count": 2,
        "create_time": _TIME,
        "update_time": _TIME,
    },
    "FoundMessages": {
        "results": [
            {
                "conversation_id": "c-1",
                "id": "m-1",
                "role": "user",
                "content": "What is TCP?",
                "metadata": {"emotion": "curiosity"},
                "create_time": _TIME,
            }
        ],
        "next_page_token": "",
        "count": 1,
    },
    "Timeline": {
        "timeline": [
            {
                "timestamp": _TIME,
                "emotion": "curiosity",
                "intensity": 4.0,
                "valence": 0.4,
                "conversation_id": "c-1",
            }
        ],
        "count": 1,
        "days": 7,
    },
    "UserNamed": {"user_id": "ada"},
    "DeletedConversations": {"deleted": 2, "success": True},
    "ForgottenUser": {"conversations": 2, "messages": 8, "feedback": 1, "examples": 0},
}
