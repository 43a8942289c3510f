-- Times are seconds since the epoch, UTC, in double precision, so that both stores keep them to the bit.
-- COLLATE "C" compares by code point, as SQLite and Python do.

CREATE TABLE tasks (
    id text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('art', 'music', 'cymatic')),
    user_id text COLLATE "C" NOT NULL,
    -- Not jsonb: what was accepted is given back to the letter.
    parameters_json text NOT NULL,
    -- SHA-256 of the request, to tell a repeated one from another one with its id; 64 hexadecimal digits.
    body_hash text NOT NULL,
    priority integer NOT NULL CHECK (priority BETWEEN 0 AND 9),
    state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    progress_percent double precision NOT NULL DEFAULT 0,
    stage text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    artifacts_json text NOT NULL DEFAULT '[]',
    result_json text NOT NULL DEFAULT '{}',
    create_time double precision NOT NULL,
    update_time double precision NOT NULL,
    start_time double precision,
    end_time double precision,
    -- A queued task is not claimed before this time: the backoff after a failure.
    due_time double precision NOT NULL,
    -- The fencing number: how often the row was claimed.
    attempts integer NOT NULL DEFAULT 0,
    -- How many of the attempts failed; those that were only interrupted do not count.
    failures integer NOT NULL DEFAULT 0,
    -- Who claimed it last.
    worker text NOT NULL DEFAULT '',
    revision bigint NOT NULL DEFAULT 1,
    -- When a ticket was last handed to the broker; null while one waits in the outbox.
    publish_time double precision
);

-- The order in which queued tasks are worked on.
CREATE INDEX tasks_queue ON tasks (priority DESC, create_time, id) WHERE state = 'queued';
CREATE INDEX tasks_running ON tasks (worker) WHERE state = 'running';
CREATE INDEX tasks_newest ON tasks (create_time DESC, id DESC);
CREATE INDEX tasks_by_user ON tasks (user_id, create_time DESC, id DESC);

-- Tickets to publish after the commit.
CREATE TABLE outbox (
    task_id text COLLATE "C" PRIMARY KEY REFERENCES tasks (id),
    due_time double precision NOT NULL
);
