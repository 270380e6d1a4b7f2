-- name: head
-- Which ledger this is.
SELECT schema_version, instance, serial FROM ledger;

-- name: fence
-- The epoch that may write; nobody can take the lease over before this transaction has ended.
SELECT epoch
FROM lease
WHERE name = :name
FOR SHARE;

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
