-- How far an import has come, kept in the transaction of each of its chunks.
CREATE TABLE imports (
    request_id text COLLATE "C" PRIMARY KEY,
    next_row bigint NOT NULL,
    added bigint NOT NULL,
    duplicates bigint NOT NULL,
    rejected bigint NOT NULL,
    finished boolean NOT NULL,
    update_time double precision NOT NULL
);

CREATE INDEX imports_by_time ON imports (update_time);

-- The first refused rows of each import, so that its report tells them whatever stream they came by.
CREATE TABLE import_rejections (
    request_id text COLLATE "C" NOT NULL REFERENCES imports (request_id) ON DELETE CASCADE,
    row_number bigint NOT NULL,
    origin text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (request_id, row_number)
);
