-- The highest numbers that a target ever gave out to accounts and groups: none of them is given out again.
CREATE TABLE number (
    target TEXT PRIMARY KEY,
    uid    INTEGER NOT NULL,
    gid    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
