-- Journalled writes that were applied, in the transaction of each: none is applied twice.
CREATE TABLE replayed_entries (
    entry_id text COLLATE "C" PRIMARY KEY,
    replay_time double precision NOT NULL
);

CREATE INDEX replayed_entries_by_time ON replayed_entries (replay_time);

-- Journalled changes that met others, with what was given up: an example as JSON, or the JSON null.
CREATE TABLE conflicts (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    example_id text COLLATE "C" NOT NULL,
    domain text COLLATE "C" NOT NULL,
    journalled_kept boolean NOT NULL,
    lost_json text NOT NULL,
    lost_time double precision NOT NULL,
    create_time double precision NOT NULL,
    -- Whom what was given up names.
    user_ids text[] NOT NULL
);

CREATE INDEX conflicts_by_user ON conflicts USING gin (user_ids);

-- When an example was removed, for the edit that comes later.
CREATE INDEX changes_of_removal ON changes (example_id) WHERE kind = 'deleted';
