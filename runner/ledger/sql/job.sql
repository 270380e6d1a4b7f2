-- name: kept_dropped
-- given: scope int, job text
-- Forget the captured values of jobs that never were.
DELETE FROM kept
WHERE job IN (SELECT job.id FROM given JOIN job ON job.scope = given.scope AND job.key = given.job);

-- name: job_intended
-- given: scope int, job text, status text, attempt int, items int, request text, reserved real, at real, sent_at real, connection text
-- Write down jobs that will be sent; one that surely never existed may be intended anew.
INSERT INTO job (
    scope, key, status, attempt, items, request, reserved, intended_at, sent_at, word, error, settled, adopted, is_open,
    connection
)
SELECT scope, job, status, attempt, items, request, reserved, at, sent_at, '', '', 0, 0, 1, connection
FROM given
WHERE true
ON CONFLICT (scope, key) DO UPDATE SET
    status = excluded.status, attempt = excluded.attempt, items = excluded.items, request = excluded.request,
    reserved = excluded.reserved, intended_at = excluded.intended_at, sent_at = excluded.sent_at,
    remote = NULL, cost = NULL, accepted_at = NULL, ended_at = NULL, word = '', error = '',
    settled = 0, adopted = 0, is_open = 1, connection = excluded.connection
WHERE job.status IN ('intended', 'released');

-- name: job_items_added
-- given: scope int, job text, item int, position int
-- Say which items a job works on.
INSERT INTO job_item (job, item, position, error)
SELECT job.id, given.item, given.position, ''
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
WHERE true
ON CONFLICT (job, item) DO NOTHING;

-- name: job_sent
-- given: scope int, job text, at real
-- The paying request may be on its way.
UPDATE job SET status = 'sent', sent_at = COALESCE(job.sent_at, given.at), error = '',
    is_open = 1 - job.settled
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_kept
-- given: scope int, job text, n int, json bytes
-- Append captured values, in call order.
INSERT INTO kept (job, json)
SELECT job.id, given.json
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
ORDER BY given.n;

-- name: job_accepted
-- given: scope int, job text, remote bytes, at real, adopted int
-- The platform has the job.
UPDATE job SET status = 'accepted', remote = given.remote, accepted_at = COALESCE(job.accepted_at, given.at),
    adopted = given.adopted, error = '',
    is_open = 1 - job.settled
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_unknown
-- given: scope int, job text, why text, word text
-- Whether the job exists is unknown; one more reply was lost.
UPDATE job SET status = 'unknown', error = given.why, word = given.word, lost = job.lost + 1,
    is_open = 1 - job.settled
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_polled
-- given: scope int, job text, status text, word text, error text, ended_at real
-- The platform's status; `ended_at` is given with a terminal one.
UPDATE job SET status = given.status, word = given.word, error = given.error,
    ended_at = COALESCE(job.ended_at, given.ended_at),
    is_open = 1 - job.settled
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_settled
-- given: scope int, job text, at real, cost real
-- All results are committed.
UPDATE job SET settled = 1, is_open = 0, cost = given.cost, ended_at = COALESCE(job.ended_at, given.at)
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_ended
-- given: scope int, job text, status text, word text, error text, ended_at real, cost real
-- The platform's last status, and all results are committed.
UPDATE job SET status = given.status, word = given.word, error = given.error, settled = 1, is_open = 0,
    cost = given.cost, ended_at = COALESCE(job.ended_at, given.ended_at)
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_held
-- given: scope int, job text, why text
-- A person must decide.
UPDATE job SET status = 'held', error = given.why,
    is_open = 1 - job.settled
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: job_released
-- given: scope int, job text, at real, why text, unproven int
-- The job was never accepted; without a proof its request goes on counting as paid.
UPDATE job SET status = 'released', is_open = 0, error = given.why, ended_at = given.at,
    unproven = job.unproven + given.unproven
FROM given
WHERE job.scope = given.scope AND job.key = given.job;

-- name: jobs_found
-- given: scope int, job text
-- Which of some jobs the ledger has.
SELECT job.id
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job;

-- name: any_held
-- Whether a person must decide about any job.
SELECT 1
FROM job
WHERE status = 'held'
LIMIT 1;

-- name: jobs_all
-- A page of all jobs of a scope, oldest first.
SELECT id, key, status, attempt, remote, intended_at, sent_at, accepted_at, ended_at, items, word, error, cost,
    settled, adopted, reserved, lost, connection
FROM job
WHERE scope = :scope AND id > :after
ORDER BY id
LIMIT :size;

-- name: jobs_open
-- A page of the jobs of a scope that are neither settled nor released, oldest first.
SELECT id, key, status, attempt, remote, intended_at, sent_at, accepted_at, ended_at, items, word, error, cost,
    settled, adopted, reserved, lost, connection
FROM job
WHERE scope = :scope AND is_open = 1 AND id > :after
ORDER BY id
LIMIT :size;

-- name: kept_of_jobs
-- given: job int
-- The captured values of some jobs, in the order of their capture.
SELECT kept.job, kept.json
FROM given
JOIN kept ON kept.job = given.job
ORDER BY kept.id;

-- name: jobs_with_ids
-- given: remote bytes, connection text
-- Which jobs have some remote ids on a connection; one of an unknown connection counts for every one.
SELECT given.remote, scope.project, scope.profile, scope.recipe, scope.stage, job.key
FROM given
JOIN job ON job.remote = given.remote
    AND (given.connection IS NULL OR job.connection IS NULL OR job.connection = given.connection)
JOIN scope ON scope.id = job.scope;

-- name: jobs_without_id
-- The jobs on a connection that may exist there under an unknown id.
SELECT scope.project, scope.profile, scope.recipe, scope.stage, job.key, job.status
FROM scope
CROSS JOIN job
WHERE job.scope = scope.id AND job.is_open = 1 AND job.remote IS NULL AND job.status IN ('sent', 'unknown', 'held')
    AND COALESCE(job.connection = CAST(:connection AS text), true)
ORDER BY job.id;

-- name: items_of_job
-- The items of one job in its order.
SELECT item.id, item.key, item.content, value.json
FROM job
JOIN job_item ON job_item.job = job.id
JOIN item ON item.id = job_item.item
JOIN value ON value.item = item.id
WHERE job.scope = :scope AND job.key = :job
ORDER BY job_item.position;

-- name: spent
-- What the jobs intended since a moment cost or reserve; requests of released jobs count where nothing proves them unpaid.
SELECT CAST(COALESCE(SUM(items * (unproven + CASE WHEN status = 'released' THEN 0 ELSE 1 END)), 0) AS bigint),
    CAST(COALESCE(SUM(unproven + CASE WHEN status = 'released' THEN 0 ELSE 1 END), 0) AS bigint),
    COALESCE(SUM(reserved * unproven + CASE WHEN status = 'released' THEN 0.0 ELSE COALESCE(cost, reserved) END), 0.0)
FROM job
WHERE scope = :scope AND intended_at >= :since;

-- name: job_lost
-- How many replies to the paying request of a job were lost.
SELECT lost
FROM job
WHERE scope = :scope AND key = :job;

-- name: manifest_understood
-- given: manifest text, at real
-- A reply was read as a manifest says; the first time counts.
INSERT INTO understood (manifest, at)
SELECT manifest, at
FROM given
WHERE true
ON CONFLICT (manifest) DO NOTHING;

-- name: manifest_known
-- Whether a reply was ever read as a manifest says.
SELECT 1
FROM understood
WHERE manifest = :manifest;
