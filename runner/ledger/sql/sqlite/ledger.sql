-- name: head
-- Which ledger this is, how often it was written, and when last.
SELECT schema_version, instance, serial, written_at FROM ledger;

-- name: serial_grown
-- One more write.
UPDATE ledger SET serial = serial + 1, written_at = :at WHERE one = 1 RETURNING serial;

-- name: numbers_resumed
-- Nothing to do: SQLite numbers rows after the last one by itself.
SELECT 1;
