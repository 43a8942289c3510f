ALTER TABLE datasets
    ADD COLUMN max_examples bigint NOT NULL DEFAULT 0 CHECK (max_examples >= 0),
    ADD COLUMN analyser text NOT NULL DEFAULT 'english' CHECK (analyser IN ('english', 'neutral')),
    ADD COLUMN archived_count bigint NOT NULL DEFAULT 0 CHECK (archived_count >= 0);

-- Examples that were taken out of search. Equal content may stand here any number of times.
CREATE TABLE examples_archive (
    id text COLLATE "C" PRIMARY KEY,
    domain text COLLATE "C" NOT NULL REFERENCES datasets (domain),
    prompt text NOT NULL,
    response text NOT NULL,
    metadata_json text NOT NULL,
    create_time double precision NOT NULL,
    update_time double precision NOT NULL,
    content_hash bytea NOT NULL,
    archive_time double precision NOT NULL
);

CREATE INDEX examples_archive_by_domain ON examples_archive (domain, id);

-- Who was deleted, by SHA-256 of the user's id, and when: what is replayed from before is dropped.
CREATE TABLE forgotten_users (
    user_digest bytea PRIMARY KEY,
    forget_time double precision NOT NULL
);
