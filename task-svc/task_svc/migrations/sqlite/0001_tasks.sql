-- Times are seconds since the epoch, UTC, in double precision, so that both stores keep them to the bit.

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('art', 'music', 'cymatic')),
    user_id TEXT NOT NULL,
    -- Not jsonb: what was accepted is given back to the letter.
    parameters_json TEXT NOT NULL,
    -- SHA-256 of the request, to tell a repeated one from another one with its id; 64 hexadecimal digits.
    body_hash TEXT NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    progress_percent REAL NOT NULL DEFAULT 0,
    stage TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    artifacts_json TEXT NOT NULL DEFAULT '[]',
    result_json TEXT NOT NULL DEFAULT '{}',
    create_time REAL NOT NULL,
    update_time REAL NOT NULL,
    start_time REAL,
    end_time REAL,
    -- A queued task is not claimed before this time: the backoff after a failure.
    due_time REAL NOT NULL,
    -- The fencing number: how often the row was claimed.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- How many of the attempts failed; those that were only interrupted do not count.
    failures INTEGER NOT NULL DEFAULT 0,
    -- Who claimed it last.
    worker TEXT NOT NULL DEFAULT '',
    revision INTEGER NOT NULL DEFAULT 1,
    -- When a ticket was last handed to the broker; null while one waits in the outbox.
    publish_time REAL
) STRICT;

-- The order in which queued tasks are worked on.
CREATE INDEX tasks_queue ON tasks (priority DESC, create_time, id) WHERE state = 'queued';
CREATE INDEX tasks_running ON tasks (worker) WHERE state = 'running';
CREATE INDEX tasks_newest ON tasks (create_time DESC, id DESC);
CREATE INDEX tasks_by_user ON tasks (user_id, create_time DESC, id DESC);

-- Tickets to publish after the commit.
CREATE TABLE outbox (
    task_id TEXT PRIMARY KEY REFERENCES tasks (id),
    due_time REAL NOT NULL
) STRICT;
