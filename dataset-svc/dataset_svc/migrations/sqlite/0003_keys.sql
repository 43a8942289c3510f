-- Keys of the HTTP front; of the secret only its SHA-256, 32 bytes.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL UNIQUE,
    -- Words separated by blanks.
    scopes TEXT NOT NULL,
    user_id TEXT NOT NULL,
    create_time REAL NOT NULL,
    expire_time REAL,
    revoke_time REAL
) STRICT;
