-- What a run waits for: since when, and what its plan comes to.
CREATE TABLE waiting (
    run       TEXT PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    since     TEXT NOT NULL,                -- RFC 3339
    new       INTEGER NOT NULL,
    updated   INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    old       INTEGER NOT NULL,
    error     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs whose target looks empty, and for which an operator says that this is on purpose.
CREATE TABLE emptied (
    run TEXT PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What is true of an open run as a whole, in the order in which it came up.
CREATE TABLE remark (
    id     INTEGER PRIMARY KEY,
    run    TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    kind   TEXT NOT NULL,                   -- see roster::remark::Remark::key
    detail TEXT NOT NULL,
    UNIQUE (run, kind, detail)
) STRICT;
