-- Since when every roster was without the person (NULL: the last one had them), and where the entry was before it came
-- into the archive.
ALTER TABLE disabled ADD COLUMN missing TEXT;
ALTER TABLE disabled ADD COLUMN place TEXT;
UPDATE disabled SET missing = at;
