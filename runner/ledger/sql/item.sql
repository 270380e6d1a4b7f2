-- name: items_of_keys
-- given: n int, scope int, key bytes
-- Every row that a scope has for some keys, whatever their content and work.
SELECT given.n, item.id, item.content, item.work, item.status, item.attempt, job.key, item.error, item.mark
FROM given
JOIN item ON item.scope = given.scope AND item.key = given.key
LEFT JOIN job ON job.id = item.job;

-- name: items_added
-- given: id int, key bytes, content bytes, mark int
-- New rows for items that were never selected with this content and work.
INSERT INTO item (id, scope, key, content, work, mark, status, attempt, error)
SELECT id, :scope, key, content, :work, mark, 'new', 0, ''
FROM given;

-- name: values_added
-- given: id int, json bytes
-- What templates see as `item`.
INSERT INTO value (item, json)
SELECT id, json
FROM given;

-- name: values_changed
-- given: id int, json bytes
-- Values that changed in what never reaches a target.
UPDATE value SET json = given.json
FROM given
WHERE value.item = given.id;

-- name: works_renewed
-- given: id int
-- Rows of the first version of a work hash get the hash of today.
UPDATE item SET work = :work
FROM given
WHERE item.id = given.id;

-- name: marks_changed
-- given: id int, mark int
-- The checksums of such values.
UPDATE item SET mark = given.mark
FROM given
WHERE item.id = given.id;

-- name: items_in_job
-- given: scope int, job text, item int, attempt int
-- Items of an intended job; none that another job may still bring or a person must decide about.
UPDATE item SET status = 'in_job', attempt = given.attempt, job = job.id, error = ''
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
WHERE item.id = given.item AND item.scope = given.scope
    AND (item.status IN ('new', 'failed', 'succeeded') OR (item.status = 'in_job' AND item.job = job.id));

-- name: items_unheld
-- given: scope int, job text
-- Items of held jobs that go on.
UPDATE item SET status = 'in_job', error = ''
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job AND job.status = 'held'
JOIN job_item ON job_item.job = job.id
WHERE item.id = job_item.item AND item.job = job.id AND item.status = 'held';

-- name: results_stored
-- given: scope int, job text, key bytes, json bytes
-- Results of items that did not succeed before: the first success stands.
INSERT INTO result (item, json)
SELECT item.id, given.json
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
JOIN item ON item.scope = given.scope AND item.key = given.key AND item.job = job.id
WHERE item.status <> 'succeeded'
ON CONFLICT (item) DO UPDATE SET json = excluded.json;

-- name: items_succeeded
-- given: scope int, job text, key bytes, cost real, at real
-- Items that have their result.
UPDATE item SET status = 'succeeded', error = '', cost = given.cost, at = given.at
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
WHERE item.scope = given.scope AND item.key = given.key AND item.job = job.id AND item.status <> 'succeeded';

-- name: items_failed
-- given: scope int, job text, key bytes, error text, cost real, at real
-- Items that failed; one that succeeded or was freed for another try is left alone.
UPDATE item SET status = 'failed', error = given.error, cost = given.cost, at = given.at
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
WHERE item.scope = given.scope AND item.key = given.key AND item.job = job.id
    AND item.status IN ('in_job', 'held', 'failed');

-- name: attempts_failed
-- given: scope int, job text, key bytes, error text
-- The error of this attempt, which stays when the item is tried again.
UPDATE job_item SET error = given.error
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
JOIN item ON item.scope = given.scope AND item.key = given.key
WHERE job_item.job = job.id AND job_item.item = item.id;

-- name: items_missing
-- given: scope int, job text, missing text, at real
-- Items of a settled job that got no result.
UPDATE item SET status = 'failed', error = given.missing, at = given.at
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
JOIN job_item ON job_item.job = job.id
WHERE item.id = job_item.item AND item.job = job.id AND item.status IN ('in_job', 'held');

-- name: items_held
-- given: scope int, job text, why text
-- Unfinished items of a held job.
UPDATE item SET status = 'held', error = given.why
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
JOIN job_item ON job_item.job = job.id
WHERE item.id = job_item.item AND item.job = job.id AND item.status = 'in_job';

-- name: items_released
-- given: scope int, job text, status text, error text
-- Items of a job that never was; those that are new again get the attempt back.
UPDATE item SET status = given.status, error = given.error,
    attempt = CASE WHEN given.status = 'new' THEN item.attempt - 1 ELSE item.attempt END
FROM given
JOIN job ON job.scope = given.scope AND job.key = given.job
JOIN job_item ON job_item.job = job.id
WHERE item.id = job_item.item AND item.job = job.id AND item.status IN ('in_job', 'held');

-- name: reset_all
-- given: status text
-- Selected items of some statuses are new again.
UPDATE item SET status = 'new'
FROM given
WHERE item.status = given.status
    AND item.id IN (SELECT selection.item FROM selection WHERE selection.generation = :generation);

-- name: reset_keys
-- given: scope int, key bytes, generation int
-- Selected items of one status and some keys are new again.
UPDATE item SET status = 'new'
FROM given
JOIN item AS same ON same.scope = given.scope AND same.key = given.key
JOIN selection ON selection.generation = given.generation AND selection.item = same.id
WHERE item.id = same.id AND item.status = :status;
