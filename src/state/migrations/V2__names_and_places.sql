-- What an account was called, and where it was, before it was renamed or moved: what follows from that is done again
-- after an interruption.
ALTER TABLE row ADD COLUMN name_before TEXT;
ALTER TABLE row ADD COLUMN place_before TEXT;
