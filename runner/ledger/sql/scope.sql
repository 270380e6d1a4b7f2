-- name: scope_found
-- The row of a scope.
SELECT id, version
FROM scope
WHERE project = :project AND profile = :profile AND recipe = :recipe AND stage = :stage;

-- name: scope_added
-- A scope that the ledger did not know.
INSERT INTO scope (project, profile, recipe, stage, version, reconciled)
VALUES (:project, :profile, :recipe, :stage, 0, 0)
ON CONFLICT (project, profile, recipe, stage) DO NOTHING;

-- name: scopes
-- Every scope.
SELECT project, profile, recipe, stage
FROM scope
ORDER BY project, profile, recipe, id;

-- name: scopes_changed
-- given: id int
-- Selection or outcomes of some scopes changed.
UPDATE scope SET version = scope.version + 1
FROM given
WHERE scope.id = given.id;

-- name: works
-- Every work hash.
SELECT id, hash
FROM work;

-- name: work_found
-- The number of a work hash.
SELECT id
FROM work
WHERE hash = :hash;

-- name: work_added
-- A work hash that the ledger did not know.
INSERT INTO work (hash) VALUES (:hash)
ON CONFLICT (hash) DO NOTHING;

-- name: run_begun
-- An apply of a scope begins.
INSERT INTO run (scope, number, started_at, holder, summary)
SELECT :scope, COALESCE(MAX(number), 0) + 1, :at, :holder, :summary
FROM run
WHERE scope = :scope;

-- name: run_latest
-- The number of the latest run.
SELECT MAX(number)
FROM run
WHERE scope = :scope;

-- name: run_ended
-- given: scope int, number int, outcome text, at real, summary bytes
-- An apply is over.
UPDATE run SET ended_at = given.at, outcome = given.outcome, summary = given.summary
FROM given
WHERE run.scope = given.scope AND run.number = given.number;

-- name: runs
-- The latest runs, newest first.
SELECT number, started_at, ended_at, outcome, holder, summary
FROM run
WHERE scope = :scope
ORDER BY number DESC
LIMIT :size;

-- name: published
-- given: scope int, sink text, publish text, version int, row_count int, at real, receipt bytes
-- A sink holds the records.
INSERT INTO publication (scope, sink, publish, version, row_count, at, receipt)
SELECT scope, sink, publish, version, row_count, at, receipt
FROM given
WHERE true
ON CONFLICT (scope, sink) DO UPDATE SET
    publish = excluded.publish, version = excluded.version, row_count = excluded.row_count, at = excluded.at,
    receipt = excluded.receipt;

-- name: plan_used
-- given: scope int, plan text, begun_at real, ended_at real
-- A saved plan begins to be applied, or is over.
INSERT INTO plan_use (scope, plan, begun_at, ended_at)
SELECT scope, plan, begun_at, ended_at
FROM given
WHERE true
ON CONFLICT (scope, plan) DO UPDATE SET ended_at = COALESCE(plan_use.ended_at, excluded.ended_at);

-- name: plan_use
-- When a saved plan began to be applied, and when that was over.
SELECT begun_at, ended_at
FROM plan_use
WHERE scope = :scope AND plan = :plan;

-- name: publications
-- The last publication of every sink.
SELECT sink, publish, version, row_count, at, receipt
FROM publication
WHERE scope = :scope;

-- name: regressed
-- Why results of a scope may be missing from the ledger, and since when; the newest reason that was not reconciled.
SELECT reason, since
FROM regression
WHERE id > COALESCE((
    SELECT reconciled FROM scope
    WHERE project = :project AND profile = :profile AND recipe = :recipe AND stage = :stage
), 0)
ORDER BY id DESC;

-- name: reconciled
-- What may be missing was looked for.
UPDATE scope SET reconciled = COALESCE((SELECT MAX(id) FROM regression), 0) WHERE id = :scope;

-- name: regression_added
-- The ledger was found older than it was.
INSERT INTO regression (at, reason, since) VALUES (:at, :reason, :since);

-- name: counters
-- The numbers that items and selections get next.
SELECT next_item, next_generation
FROM ledger;

-- name: counters_set
-- Go on with the numbers of a copied ledger.
UPDATE ledger SET next_item = :item, next_generation = :generation WHERE one = 1;
