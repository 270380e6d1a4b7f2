-- name: lease
-- Who may write.
SELECT epoch, holder, since, until
FROM lease
WHERE name = :name;

-- name: leases
-- Every lease; an epoch that grew tells that somebody wrote.
SELECT name, epoch, until
FROM lease
ORDER BY name;

-- name: fence
-- The epoch that may write; holds the lease still until the transaction ends.
SELECT epoch
FROM lease
WHERE name = :name;

-- name: lease_taken
-- Take a lease that has ended, or whose holder is dead; its epoch grows.
INSERT INTO lease (name, epoch, holder, since, until)
VALUES (:name, 1, :holder, :since, :until)
ON CONFLICT (name) DO UPDATE SET
    epoch = lease.epoch + 1, holder = excluded.holder, since = excluded.since, until = excluded.until
WHERE lease.until <= :now OR lease.epoch = :dead;

-- name: lease_renewed
-- Prolong a lease.
UPDATE lease SET until = :until WHERE name = :name AND epoch = :epoch;

-- name: lease_released
-- Give a lease back; the epoch grows, so that nothing is written under it any more.
UPDATE lease SET until = 0, epoch = epoch + 1 WHERE name = :name AND epoch = :epoch;
