-- Keys that sign what applications are told. Gateways that make one at once agree by the number.
CREATE TABLE signing_keys (
    number     BIGINT PRIMARY KEY,
    kid        TEXT   NOT NULL UNIQUE,
    public_key BYTEA  NOT NULL,
    sealed_key BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL
);
