-- Keys: `match_key` is the name folded as LDAP's caseIgnoreMatch folds it and says which names are the same;
-- `coarse_key` is folded further, so that two names no directory could keep apart cannot be here together.

PRAGMA application_id = 0x726f7364;

CREATE TABLE accounts (
    number      INTEGER PRIMARY KEY,
    entry       TEXT NOT NULL UNIQUE,           -- UUID: never changes, never given to somebody else
    username    TEXT NOT NULL,
    match_key   TEXT NOT NULL UNIQUE,
    coarse_key  TEXT NOT NULL UNIQUE,
    password    TEXT,                           -- PHC string; NULL: nobody can log in
    must_change INTEGER NOT NULL CHECK (must_change IN (0, 1)),
    disabled    INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created     TEXT NOT NULL,                  -- RFC 3339, UTC
    changed     TEXT NOT NULL
) STRICT;

CREATE TABLE attribute_values (
    account     INTEGER NOT NULL REFERENCES accounts (number) ON DELETE CASCADE,
    attribute   TEXT NOT NULL,                  -- in lower case
    place       INTEGER NOT NULL,               -- order of the values
    spelling    TEXT NOT NULL,                  -- the attribute's name as it was written
    octets      BLOB NOT NULL,
    match_key   TEXT,                           -- NULL: not text
    PRIMARY KEY (account, attribute, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX attribute_values_by_value ON attribute_values (attribute, match_key);

CREATE TABLE member_groups (
    number      INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('group', 'role', 'channel')),
    name        TEXT NOT NULL,
    match_key   TEXT NOT NULL,
    created     TEXT NOT NULL,
    UNIQUE (kind, match_key)
) STRICT;

CREATE TABLE memberships (
    member_group INTEGER NOT NULL REFERENCES member_groups (number) ON DELETE CASCADE,
    account      INTEGER NOT NULL REFERENCES accounts (number) ON DELETE CASCADE,
    PRIMARY KEY (member_group, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_account ON memberships (account);
