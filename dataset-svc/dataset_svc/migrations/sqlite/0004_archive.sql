ALTER TABLE datasets ADD COLUMN max_examples INTEGER NOT NULL DEFAULT 0 CHECK (max_examples >= 0);

ALTER TABLE datasets ADD COLUMN analyser TEXT NOT NULL DEFAULT 'english'
    CHECK (analyser IN ('english', 'neutral'));

ALTER TABLE datasets ADD COLUMN archived_count INTEGER NOT NULL DEFAULT 0 CHECK (archived_count >= 0);

-- Examples that were taken out of search. Equal content may stand here any number of times.
CREATE TABLE examples_archive (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL REFERENCES datasets (domain),
    prompt TEXT NOT NULL,
    response TEXT NOT NULL,
    metadata_json TEXT NOT NULL,
    create_time REAL NOT NULL,
    update_time REAL NOT NULL,
    content_hash BLOB NOT NULL,
    archive_time REAL NOT NULL
) STRICT;

CREATE INDEX examples_archive_by_domain ON examples_archive (domain, id);

-- Who was deleted, by SHA-256 of the user's id, and when: what is replayed from before is dropped.
CREATE TABLE forgotten_users (
    user_digest BLOB PRIMARY KEY,
    forget_time REAL NOT NULL
) STRICT;
