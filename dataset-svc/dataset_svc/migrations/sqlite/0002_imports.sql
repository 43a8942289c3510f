-- How far an import has come, kept in the transaction of each of its chunks.
CREATE TABLE imports (
    request_id TEXT PRIMARY KEY,
    next_row INTEGER NOT NULL,
    added INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    update_time REAL NOT NULL
) STRICT;

CREATE INDEX imports_by_time ON imports (update_time);

-- The first refused rows of each import, so that its report tells them whatever stream they came by.
CREATE TABLE import_rejections (
    request_id TEXT NOT NULL REFERENCES imports (request_id) ON DELETE CASCADE,
    row_number INTEGER NOT NULL,
    origin TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (request_id, row_number)
) STRICT;
