-- What an account was called, and where it was, before people began to take names and places from each other in a
-- circle. It is there until the circle has come to its end, or everybody has gone back.
ALTER TABLE row ADD COLUMN name_first TEXT;
ALTER TABLE row ADD COLUMN place_first TEXT;
