-- How far the server last written to had come with it, in its own words: another one must have come as far.
ALTER TABLE newest ADD COLUMN progress TEXT;
