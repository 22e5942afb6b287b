-- The server of each target that was last written to: its copies may lack that.
CREATE TABLE newest (
    target TEXT PRIMARY KEY,
    server TEXT NOT NULL                    -- its URL
) STRICT, WITHOUT ROWID;
