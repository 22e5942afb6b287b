-- One roster carried through one feed.
CREATE TABLE run (
    id          TEXT PRIMARY KEY,
    feed        TEXT NOT NULL,
    target      TEXT NOT NULL,
    path        TEXT NOT NULL,              -- the roster as it was dropped
    spool       TEXT NOT NULL,              -- rosterd's own copy
    fingerprint TEXT NOT NULL,              -- SHA-256 of the copy
    identity    TEXT NOT NULL,              -- device, inode, size, times of the dropped file
    phase       TEXT NOT NULL,              -- see state::run::Phase
    plan        TEXT,                       -- id of the plan that was shown last
    holds       TEXT NOT NULL DEFAULT '',   -- classes held, comma separated
    reason      TEXT,                       -- why it was refused or failed
    counts      TEXT,                       -- JSON, as in the result report
    started_at  TEXT NOT NULL,              -- RFC 3339
    ended_at    TEXT
) STRICT;
CREATE INDEX run_by_phase ON run (phase);

-- Intent before, evidence after: what this daemon was doing to one person in an open run.
CREATE TABLE row (
    run      TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    subject  TEXT NOT NULL,                 -- 'line:12', or 'entry:<stable id>' for an Old account
    state    TEXT NOT NULL CHECK (state IN ('started', 'finished', 'earlier')), -- earlier: before the last approval
    kind     TEXT NOT NULL,                 -- create, update, disable, delete, members
    password INTEGER NOT NULL DEFAULT 0,    -- 1: one may have been written; 2: one was
    outcome  TEXT,                          -- the word of the last outcome
    reason   TEXT,
    notes    TEXT NOT NULL DEFAULT '[]',    -- JSON: sentences for the report
    PRIMARY KEY (run, subject)
) STRICT, WITHOUT ROWID;

-- A credential letter: owed from before the password is written until the mail server has accepted it.
CREATE TABLE letter (
    run        TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    line       INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 1,  -- counts passwords made for it; part of the Message-ID
    state      TEXT NOT NULL CHECK (state IN ('owed', 'sent', 'failed')),
    reason     TEXT,
    PRIMARY KEY (run, line)
) STRICT, WITHOUT ROWID;

-- Limits that the run has breached: what they hold back stays held until an operator approves, however often the run
-- plans.
CREATE TABLE hold (
    run     TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    class   TEXT NOT NULL,                  -- the key in [feed.limits]
    planned INTEGER NOT NULL,
    allowed INTEGER NOT NULL,
    of      INTEGER NOT NULL,
    PRIMARY KEY (run, class)
) STRICT, WITHOUT ROWID;

-- What an operator approved must be what is applied: everything that an approved plan writes, each by itself.
-- The empty digest says that there was an approval, be it of nothing.
CREATE TABLE approved (
    run     TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    digest  BLOB NOT NULL,
    PRIMARY KEY (run, digest)
) STRICT, WITHOUT ROWID;

-- Files that are done, as long as they lie there unchanged.
CREATE TABLE done_file (
    feed     TEXT NOT NULL,
    name     TEXT NOT NULL,
    identity TEXT NOT NULL,
    run      TEXT NOT NULL,
    PRIMARY KEY (feed, name)
) STRICT, WITHOUT ROWID;

-- Accounts that rosterd itself switched off.
CREATE TABLE disabled (
    target   TEXT NOT NULL,
    entry    TEXT NOT NULL,
    username TEXT NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (target, entry)
) STRICT, WITHOUT ROWID;

-- How many accounts a target had when it was last read: an answer of none is then no answer.
CREATE TABLE target_size (
    target   TEXT PRIMARY KEY,
    accounts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedule (
    feed     TEXT PRIMARY KEY,
    last_run TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Errors files as rosterd wrote them: one that is no longer so has been corrected, and is a roster.
CREATE TABLE placed_file (
    path   TEXT PRIMARY KEY,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Choices that an operator made in a preview, by row.
CREATE TABLE choice (
    run  TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    bits INTEGER NOT NULL,                  -- 1 add, 2 update, 4 sync groups, 8 sync roles, 16 subscribe
    PRIMARY KEY (run, line)
) STRICT, WITHOUT ROWID;
