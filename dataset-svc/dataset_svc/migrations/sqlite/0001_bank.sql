-- Times are seconds since the epoch, UTC. Texts compare by code point, as everywhere in the bank.

CREATE TABLE datasets (
    domain TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    -- Kept by the statements that add and remove examples, so that a list of datasets counts nothing.
    example_count INTEGER NOT NULL DEFAULT 0 CHECK (example_count >= 0),
    create_time REAL NOT NULL,
    update_time REAL NOT NULL,
    retention_days INTEGER NOT NULL DEFAULT 0 CHECK (retention_days >= 0)
) STRICT;

CREATE TABLE examples (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL REFERENCES datasets (domain),
    prompt TEXT NOT NULL,
    response TEXT NOT NULL,
    metadata_json TEXT NOT NULL,
    create_time REAL NOT NULL,
    update_time REAL NOT NULL,
    -- SHA-256, 32 bytes.
    content_hash BLOB NOT NULL,
    UNIQUE (domain, content_hash)
) STRICT;

-- The change feed; sequences run from 1 without a gap, in order of commit.
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
    example_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    create_time REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)
) STRICT;

CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    title TEXT NOT NULL,
    message_count INTEGER NOT NULL DEFAULT 0,
    create_time REAL NOT NULL,
    update_time REAL NOT NULL
) STRICT;

CREATE INDEX conversations_by_use ON conversations (user_id, update_time, id);

CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content TEXT NOT NULL,
    metadata_json TEXT NOT NULL,
    create_time REAL NOT NULL
) STRICT;

CREATE INDEX messages_by_time ON messages (conversation_id, create_time, id);

CREATE TABLE feedback (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    message TEXT NOT NULL,
    rating TEXT NOT NULL CHECK (rating IN ('like', 'dislike')),
    metadata_json TEXT NOT NULL,
    create_time REAL NOT NULL
) STRICT;

CREATE INDEX feedback_by_user ON feedback (user_id, create_time);
