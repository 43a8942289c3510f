-- Times are seconds since the epoch, UTC, in double precision, so that both stores keep them to the bit.
-- COLLATE "C" compares by code point, as SQLite and Python do; pages stay valid when a store is moved.

CREATE TABLE datasets (
    domain text COLLATE "C" PRIMARY KEY,
    description text NOT NULL,
    -- Kept by the statements that add and remove examples, so that a list of datasets counts nothing.
    example_count bigint NOT NULL DEFAULT 0 CHECK (example_count >= 0),
    create_time double precision NOT NULL,
    update_time double precision NOT NULL,
    retention_days integer NOT NULL DEFAULT 0 CHECK (retention_days >= 0)
);

CREATE TABLE examples (
    id text COLLATE "C" PRIMARY KEY,
    domain text COLLATE "C" NOT NULL REFERENCES datasets (domain),
    prompt text NOT NULL,
    response text NOT NULL,
    -- Not jsonb: what was imported is given back to the letter.
    metadata_json text NOT NULL,
    create_time double precision NOT NULL,
    update_time double precision NOT NULL,
    -- SHA-256, 32 bytes.
    content_hash bytea NOT NULL,
    UNIQUE (domain, content_hash)
);

-- The change feed; sequences run from 1 without a gap, in order of commit (see postgres_feed.py).
CREATE TABLE changes (
    sequence bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
    example_id text COLLATE "C" NOT NULL,
    domain text COLLATE "C" NOT NULL,
    create_time double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp())
);

CREATE TABLE conversations (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    title text NOT NULL,
    message_count bigint NOT NULL DEFAULT 0,
    create_time double precision NOT NULL,
    update_time double precision NOT NULL
);

CREATE INDEX conversations_by_use ON conversations (user_id, update_time, id);

CREATE TABLE messages (
    id text COLLATE "C" PRIMARY KEY,
    conversation_id text COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content text NOT NULL,
    metadata_json text NOT NULL,
    create_time double precision NOT NULL
);

CREATE INDEX messages_by_time ON messages (conversation_id, create_time, id);

CREATE TABLE feedback (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    message text NOT NULL,
    rating text NOT NULL CHECK (rating IN ('like', 'dislike')),
    metadata_json text NOT NULL,
    create_time double precision NOT NULL
);

CREATE INDEX feedback_by_user ON feedback (user_id, create_time);
