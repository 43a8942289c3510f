"""What each route asks for, said a second time by hand: a route that is not here fails the matrix."""

from typing import Final

MATRIX: Final = {
    "open": """
        GET /
        GET /healthz
        GET /livez
        GET /openapi.json
        GET /readyz
        GET /web/{name}
    """,
    "chat": """
        POST /api/chat
        POST /api/conversation/delete
        GET /api/conversation/search
        GET /api/conversation/timeline
        GET /api/conversations
        DELETE /api/conversations/{conversation_id}
        GET /api/conversations/{conversation_id}
        PATCH /api/conversations/{conversation_id}
        GET /api/conversations:search
        POST /api/cymatic/generate
        POST /api/emotion/analyze
        POST /api/feedback
        GET /api/history
        GET /api/job/{task_id}
        POST /api/privacy/delete
        GET /api/privacy/export
        GET /api/tasks
        POST /api/tasks
        DELETE /api/tasks/{task_id}
        GET /api/tasks/{task_id}
        GET /api/tasks/{task_id}/artifacts/{name}
        GET /api/tasks/{task_id}/events
        POST /api/tasks/{task_id}:cancel
        DELETE /api/users/{user_id}
        GET /api/users/{user_id}:export
        POST /v1/chat/completions
        GET /v1/models
        GET /v1/models/{model:path}
    """,
    "read": """
        GET /api/datasets
        GET /api/datasets/stats
        GET /api/datasets/{domain}
        GET /api/datasets/{domain}/examples
        GET /api/datasets/{domain}/export
        GET /api/datasets/{domain}:export
        GET /api/datasets:import/{key}
        GET /api/emotions
        GET /api/examples/{example_id}
        GET /api/search
        GET /api/system/figures
        GET /api/system/health
        GET /api/system/history
        GET /api/system/stats
        GET /api/system/warnings
    """,
    "bank:write": """
        POST /api/datasets
        DELETE /api/datasets/{domain}
        PATCH /api/datasets/{domain}
        POST /api/datasets/{domain}/examples
        POST /api/datasets/{domain}:archive
        POST /api/datasets/{domain}:import
        POST /api/datasets/{domain}:restore
        POST /api/datasets:import
        DELETE /api/examples/{example_id}
        PATCH /api/examples/{example_id}
        GET /api/examples:conflicts
    """,
    "admin": """
        GET /api/keys
        POST /api/keys
        DELETE /api/keys/{key_id}
        POST /api/system/cache/invalidate
        POST /api/system/cache/warm
        GET /api/system/debug/tasks
        GET /metrics
    """,
}

ROLES: Final = {
    "nobody": frozenset({"open"}),
    "chat": frozenset({"open", "read", "chat"}),
    "bank": frozenset({"open", "read", "bank:write"}),
    "admin": frozenset({"open", "read", "chat", "bank:write", "admin"}),
}
"""What each role may use; "nobody" shows no key."""

OWNED: Final = {"conversation_id", "task_id", "user_id"}
"""Names in a path that belong to somebody: another user's is a name of nothing."""
SHARED: Final = {"domain", "example_id", "key", "key_id", "model", "name"}
"""Names in a path that are the same for everybody who may use the route."""


def expected() -> dict[tuple[str, str], str]:
    """What each route asks for, by method and path."""
    return {
        (line.split()[0], line.split()[1]): scope
        for scope, lines in MATRIX.items()
        for line in lines.strip().splitlines()
    }
