"""An example of every body, for the OpenAPI document; a test reads each as the body it stands for."""

from typing import Any, Final

from gateway.schemas.shown_bank import LATER

_TIME: Final = "2031-05-06T07:08:09.123456Z"
_ID: Final = "01a20d25-e205-7544-88b6-2092b69e8a85"
_DATASET: Final[dict[str, Any]] = {
    "domain": "networking",
    "description": "Questions about networks.",
    "example_count": 19,
    "archived_count": 0,
    "retention_days": 0,
    "max_examples": 0,
    "analyser": "english",
    "create_time": _TIME,
    "update_time": _TIME,
}
_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "domain": "networking",
    "prompt": "What is TCP?",
    "response": "A reliable byte stream over IP.",
    "metadata": {"level": 1},
    "content_hash": "9b2c1f" + 58 * "0",
    "create_time": _TIME,
    "update_time": _TIME,
}
_EMOTION: Final[dict[str, Any]] = {
    "emotion": "curiosity",
    "intensity": 4.0,
    "valence": 0.4,
    "arousal": 5.0,
    "dominance": 5.0,
    "words": ["curious"],
}
_METADATA: Final[dict[str, Any]] = {
    "conversation_id": "c-1",
    "request_id": "r-1",
    "cache": {"tier": "memory", "hit": True, "stale": False},
    "elapsed_ms": 0.412,
    "degraded": [],
    "model": "extractive",
    "confidence": 1.0,
    "kind": "answer",
    "intent": "question",
    "durability": "committed",
    "emotion": _EMOTION,
    "sources": [
        {"id": _ID, "domain": "networking", "prompt": "What is TCP?", "score": 12.5, "confidence": 1.0}
    ],
    "suggestions": [],
    "task": None,
}
_CONVERSATION: Final[dict[str, Any]] = {
    "id": "c-1",
    "user_id": "ada",
    "title": "What is TCP?",
    "message_count": 2,
    "create_time": _TIME,
    "update_time": _TIME,
}
_MESSAGE: Final[dict[str, Any]] = {
    "id": "m-1",
    "role": "user",
    "content": "What is TCP?",
    "metadata": {"emotion": "curiosity"},
    "create_time": _TIME,
}
_TASK: Final[dict[str, Any]] = {
    "id": "t-1",
    "kind": "cymatic",
    "user_id": "ada",
    "parameters": {"frequency_hz": 432},
    "state": "succeeded",
    "progress_percent": 100.0,
    "stage": "",
    "error": "",
    "artifacts": [
        {
            "name": "pattern.png",
            "media_type": "image/png",
            "size_bytes": 20480,
            "sha256": 64 * "0",
            "url": "/api/tasks/t-1/artifacts/pattern.png",
        }
    ],
    "result": {"symmetry": 0.9},
    "priority": 5,
    "position": 0,
    "attempts": 1,
    "revision": 4,
    "create_time": _TIME,
    "update_time": _TIME,
    "start_time": _TIME,
    "end_time": _TIME,
}
_KEY: Final[dict[str, Any]] = {
    "id": "k-1",
    "name": "laptop",
    "prefix": "mcai_Vd3kq0T",
    "scopes": ["chat"],
    "user_id": "ada",
    "create_time": _TIME,
    "expire_time": None,
    "revoke_time": None,
}
_USAGE: Final[dict[str, Any]] = {"prompt_tokens": 4, "completion_tokens": 7, "total_tokens": 11}
_MODEL: Final[dict[str, Any]] = {
    "id": "mcai/networking",
    "created": 1936158489,
    "owned_by": "mcai",
    "object": "model",
}
_SERVICE: Final[dict[str, Any]] = {
    "name": "dataset-svc",
    "status": "healthy",
    "since": _TIME,
    "message": "All 1 replicas of dataset-svc serve.",
    "figures": {"requests_per_second": 12.5},
    "replicas": [
        {
            "address": "10.0.0.3:50051",
            "reachable": True,
            "serving": True,
            "version": "0.1.0",
            "pid": 7,
            "memory_mb": 61.5,
            "cpu_percent": 1.5,
            "latency_ms": 0.8,
            "degraded": [],
            "message": "",
            "since": _TIME,
            "last_seen_time": _TIME,
        }
    ],
}

EXAMPLES: Final[dict[str, Any]] = {
    "Problem": {
        "type": "urn:mcai:error:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no dataset 'nowhere'.",
        "error": "There is no dataset 'nowhere'.",
        "reason": "NOT_FOUND",
        "request_id": "r-1",
    },
    "ErrorBody": {
        "error": {
            "message": "There is no model 'gpt'; GET /v1/models lists those there are.",
            "type": "not_found_error",
            "param": "model",
            "code": "model_not_found",
            "request_id": "r-1",
        }
    },
    "ChatRequest": {"message": "What is TCP?", "user_id": "ada", "conversation_id": "c-1"},
    "ChatAnswer": {"status": "ok", "response": "A reliable byte stream over IP.", "metadata": _METADATA},
    "CompletionRequest": {
        "model": "mcai",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is TCP?"}]},
        ],
    },
    "Completion": {
        "id": f"chatcmpl-{_ID}",
        "object": "chat.completion",
        "created": 1936158489,
        "model": "mcai",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "A reliable byte stream over IP.",
                    "refusal": None,
                },
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": _USAGE,
        "mcai": _METADATA,
        "system_fingerprint": None,
    },
    "Model": _MODEL,
    "ModelList": {"object": "list", "data": [_MODEL]},
    "NewDataset": {"domain": "networking", "description": "Questions about networks."},
    "DatasetBody": _DATASET,
    "DatasetPage": {"datasets": [_DATASET], "next_page_token": ""},
    "DatasetStats": {"total_datasets": 1, "total_examples": 19, "datasets": {"networking": 19}},
    "DeletedDataset": {"deleted_examples": 19},
    "NewExample": {
        "prompt": "What is TCP?",
        "response": "A reliable byte stream over IP.",
        "metadata": {"level": 1},
    },
    "ExampleChange": {"response": "A reliable, ordered byte stream over IP."},
    "ExampleBody": _EXAMPLE,
    "ExamplePage": {"examples": [_EXAMPLE], "next_page_token": ""},
    "ChangedExample": {**_EXAMPLE, "durability": "committed"},
    "ConflictPage": {
        "conflicts": [
            {
                "sequence": 1,
                "example_id": _ID,
                "domain": "networking",
                "journalled_kept": True,
                "lost": {"id": _ID, "prompt": "What is TCP?", "response": "A stream."},
                "lost_time": _TIME,
                "create_time": _TIME,
            }
        ],
        "next_page_token": "",
    },
    "DeletionReceipt": {"durability": "journalled"},
    "CreatedExample": {"example": _EXAMPLE, "durability": "committed", "duplicate": False},
    "SearchResults": {
        "results": [
            {
                "id": _ID,
                "domain": "networking",
                "prompt": "What is TCP?",
                "response": "A reliable byte stream over IP.",
                "score": 12.5,
                "confidence": 1.0,
                "snippet": "What is <b>TCP</b>?",
                "metadata": {"level": 1},
            }
        ]
    },
    "ImportOutcome": {
        "report": {
            "read": 3,
            "added": 1,
            "duplicates": 1,
            "rejected": 1,
            "rejections": [{"origin": "line 3", "reason": "The line is not valid JSON."}],
        }
    },
    "SettledImport": {"next_row": 3, "added": 1, "duplicates": 1, "rejected": 1, "finished": False},
    "EmotionCatalogue": {
        "emotions": [{"name": "calm", "frequency_hz": 10.0, "group": "neuroscience", "band": "alpha"}],
        "note": "The frequencies are this product's own catalogue, not established neuroscience.",
    },
    "AnalyzeRequest": {"text": "I am curious about this."},
    "EmotionAnalysis": {**_EMOTION, "intent": "statement", "status": "ok"},
    "ConversationPage": {"conversations": [_CONVERSATION], "next_page_token": ""},
    "ConversationMessages": {"conversation": _CONVERSATION, "messages": [_MESSAGE], "next_page_token": ""},
    "History": {
        "conversation": [{"role": "user", "content": "What is TCP?", "metadata": {"emotion": "curiosity"}}],
        "count": 1,
    },
    "FeedbackRequest": {"message": "A reliable byte stream over IP.", "rating": "like", "user_id": "ada"},
    "FeedbackReceipt": {"feedback_id": _ID, "durability": "committed", "success": True},
    "NewTask": {"kind": "cymatic", "parameters": {"frequency_hz": 432}, "user_id": "ada"},
    "CymaticParameters": {"frequency_hz": 432},
    "SubmittedTask": {
        "job_id": "t-1",
        "status": "completed",
        "poll_url": "/api/job/t-1",
        "durability": "committed",
        "task": _TASK,
    },
    "TaskBody": _TASK,
    "TaskPage": {"tasks": [_TASK], "next_page_token": ""},
    "JobBody": {"job_id": "t-1", "status": "processing", "poll_url": "/api/job/t-1", "progress": 40.0},
    "NewKey": {"name": "laptop", "scopes": ["chat"], "user_id": "ada"},
    "KeyBody": _KEY,
    "CreatedKey": {"key": "mcai_Vd3kq0TdJxYk4mJ8zq0TdJxYk4mJ8zq0TdJxYk4mJ8z", "record": _KEY},
    "KeyPage": {"keys": [_KEY], "next_page_token": ""},
    "InvalidateRequest": {"domains": ["networking"]},
    "InvalidateReceipt": {"evicted": 12, "success": True},
    "WarmReceipt": {"loaded": 1_000},
    "WarmRequest": {"max_entries": 1_000},
    "ReadyBody": {"status": "degraded", "degraded": ["redis"]},
    "HealthBody": {
        "status": "healthy",
        "since": _TIME,
        "capabilities": {
            "chat": {"status": "ok", "message": "", "since": _TIME},
            "tasks": {
                "status": "degraded",
                "message": "Tasks run in the local pool of task-svc.",
                "since": _TIME,
            },
        },
        "replicas": {"dataset-svc": {"known": 2, "reachable": 2, "serving": 2}},
        "memory_mb": 88.5,
        "cpu_percent": 3.5,
        "worker_pid": 7,
        "services": {"redis": True, "database": True, "monitor": True},
        "modes": {"redis": "redis"},
        "degraded": [],
        "unreachable": [],
        "warnings": [],
        "source": "monitor",
        "check_time": _TIME,
        "components": [_SERVICE],
    },
    "StatsBody": {
        "redis": {
            "available": False,
            "mode": "embedded",
            "reachable": True,
            "lookups": 9,
            "hits": 6,
            "misses": 3,
        },
        "database": {
            "available": True,
            "store": "sqlite",
            "reachable": True,
            "datasets": 20,
            "examples": 456,
        },
        "performance": {
            "memory_mb": 88.5,
            "cpu_percent": 3.5,
            "requests_total": 12,
            "requests_failed": 0,
            "avg_latency_ms": 1.2,
            "cache_hit_rate": 0.667,
            "cache_hits": 6,
            "cache_misses": 3,
        },
        "since": _TIME,
        "replicas": {"dataset-svc": {"known": 2, "reachable": 2, "serving": 2}},
        "unreachable": [],
        "figures": {"gateway": {"requests_per_second": 12.5, "error_ratio": 0.0, "latency_ms": 8.1}},
    },
    "TransitionPage": {
        "transitions": [
            {
                "subject": "knowledge-svc",
                "old_status": "healthy",
                "new_status": "degraded",
                "message": "knowledge-svc: 10.0.0.7:50051 works without redis.",
                "time": _TIME,
            }
        ],
        "next_page_token": "",
    },
    "WarningPage": {
        "warnings": [
            {
                "figure": "resident_bytes",
                "service": "dataset-svc",
                "address": "10.0.0.7:50051",
                "message": "dataset-svc at 10.0.0.7:50051 uses 612 MB of memory, above 500 MB.",
                "raise_time": _TIME,
                "clear_time": None,
            }
        ],
        "next_page_token": "",
    },
    "FigureHistoryBody": {
        "service": "gateway",
        "figure": "latency_ms",
        "step_seconds": 15.0,
        "points": [{"time": _TIME, "low": 6.2, "mean": 8.1, "high": 31.0}],
    },
    "ProcessDumpBody": {
        "service": "gateway",
        "tasks": [
            {
                "name": "Task-7",
                "coroutine": "Health.watch",
                "stack": ["servicekit/health.py:95 Health.watch", "asyncio/tasks.py:649 sleep"],
            }
        ],
    },
    **LATER,
}
