-- name: head
-- Which ledger this is, and how often it was written.
SELECT schema_version, instance, serial FROM ledger;

-- name: serial_grown
-- One more write.
UPDATE ledger SET serial = serial + 1 WHERE one = 1 RETURNING serial;

-- name: numbers_resumed
-- Nothing to do: SQLite numbers rows after the last one by itself.
SELECT 1;
