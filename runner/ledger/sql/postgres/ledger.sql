-- name: head
-- Which ledger this is.
SELECT schema_version, instance, serial FROM ledger;

-- name: fence
-- The epoch that may write, and how often it was written under this lease, this time included. The lease cannot be
-- taken over before this transaction has ended.
UPDATE lease SET serial = serial + 1, written_at = EXTRACT(EPOCH FROM clock_timestamp())
WHERE name = :name
RETURNING epoch, serial;

-- name: lease_counts
-- How often the ledger was written under each lease, and when last.
SELECT name, serial, written_at
FROM lease;

-- name: clock
-- The time on the server, epoch seconds.
SELECT EXTRACT(EPOCH FROM clock_timestamp())::double precision;

-- name: tables_found
-- Whether a runner has made its tables.
SELECT to_regclass('runner.ledger') IS NOT NULL;

-- name: numbers_resumed
-- Number rows after the last copied one.
SELECT
    setval(pg_get_serial_sequence('job', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM job), false),
    setval(pg_get_serial_sequence('kept', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM kept), false),
    setval(pg_get_serial_sequence('scope', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM scope), false),
    setval(pg_get_serial_sequence('work', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM work), false),
    setval(pg_get_serial_sequence('regression', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM regression), false);
