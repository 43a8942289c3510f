-- Keys of the HTTP front; of the secret only its SHA-256, 32 bytes.
CREATE TABLE api_keys (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_sha256 bytea NOT NULL UNIQUE,
    -- Words separated by blanks.
    scopes text NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    create_time double precision NOT NULL,
    expire_time double precision,
    revoke_time double precision
);
