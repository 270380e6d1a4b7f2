-- name: head
-- Which ledger this is.
SELECT schema_version, instance, serial FROM ledger;

-- name: fence
-- The epoch that may write; nobody can take the lease over before this transaction has ended.
SELECT epoch
FROM lease
WHERE name = :name
FOR SHARE;

-- name: tables_found
-- Whether a runner has made its tables.
SELECT to_regclass('runner.ledger') IS NOT NULL;
