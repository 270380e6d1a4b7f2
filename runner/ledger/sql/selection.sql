-- name: current
-- The current selection of a scope: its generation, count and mark.
SELECT generation.id, generation.count, generation.mark
FROM scope
JOIN generation ON generation.id = scope.generation
WHERE scope.id = :scope;

-- name: slice
-- The items of a part of a selection, in order.
SELECT item
FROM selection
WHERE generation = :generation AND position >= :position AND position < :until
ORDER BY position;

-- name: chosen
-- given: id int, generation int
-- Which of some items stand in a selection before a position.
SELECT selection.item
FROM given
JOIN selection ON selection.generation = given.generation AND selection.item = given.id
WHERE selection.position < :until;

-- name: rows_outdated
-- Drop what is left of selections that are not the current one.
DELETE FROM selection
WHERE generation IN (
    SELECT generation.id FROM generation JOIN scope ON scope.id = generation.scope
    WHERE scope.id = :scope AND (scope.generation IS NULL OR generation.id <> scope.generation)
);

-- name: generations_outdated
-- Drop the heads of selections that are not the current one.
DELETE FROM generation
WHERE scope = :scope AND id NOT IN (
    SELECT scope.generation FROM scope WHERE scope.id = :scope AND scope.generation IS NOT NULL
);

-- name: generation_taken
-- Take the next number of a selection.
UPDATE ledger SET next_generation = next_generation + 1 WHERE one = 1 RETURNING next_generation;

-- name: items_taken
-- Take some item numbers; returns the first number after them.
UPDATE ledger SET next_item = next_item + :size WHERE one = 1 RETURNING next_item;

-- name: generation_begun
-- A selection that is being built.
INSERT INTO generation (id, scope, count, mark) VALUES (:generation, :scope, 0, :mark);

-- name: prefix_copied
-- Copy the beginning of a selection that is equal.
INSERT INTO selection (generation, position, item)
SELECT :generation, position, item
FROM selection
WHERE generation = :old AND position < :until;

-- name: rows_chosen
-- given: position int, item int
-- Add items to the selection that is being built.
INSERT INTO selection (generation, position, item)
SELECT :generation, position, item
FROM given;

-- name: generation_finished
-- The selection is complete.
UPDATE generation SET count = :size, mark = :mark WHERE id = :generation;

-- name: generation_flipped
-- The selection becomes the current one.
UPDATE scope SET generation = :generation, version = version + 1 WHERE id = :scope;

-- name: selected
-- A page of the current selection.
SELECT selection.position, item.key, item.content, item.work, item.status
FROM selection
JOIN item ON item.id = selection.item
WHERE selection.generation = :generation AND selection.position > :after
ORDER BY selection.position
LIMIT :size;

-- name: loose
-- The selected items that have not succeeded under a work hash.
SELECT selection.position, item.key, item.content
FROM scope
JOIN selection ON selection.generation = scope.generation
JOIN item ON item.id = selection.item
WHERE scope.id = :scope AND (item.status <> 'succeeded' OR item.work <> :work)
ORDER BY selection.position
LIMIT :size;

-- name: places
-- given: scope int, key bytes
-- Where some keys stand in the current selection, and with what content.
SELECT item.key, selection.position, item.content
FROM given
JOIN scope ON scope.id = given.scope
JOIN item ON item.scope = given.scope AND item.key = given.key
JOIN selection ON selection.generation = scope.generation AND selection.item = item.id;

-- name: counts
-- Number of selected items by status.
SELECT item.status, COUNT(*)
FROM scope
JOIN selection ON selection.generation = scope.generation
JOIN item ON item.id = selection.item
WHERE scope.id = :scope
GROUP BY item.status;

-- name: outcomes
-- A page of the current selection with results, of about :bytes bytes at most, but at least one row.
WITH page AS (
    SELECT selection.position, selection.item,
        SUM(COALESCE(LENGTH(value.json), 0) + COALESCE(LENGTH(result.json), 0)) OVER (ORDER BY selection.position)
            - COALESCE(LENGTH(value.json), 0) - COALESCE(LENGTH(result.json), 0) AS before
    FROM selection
    JOIN value ON value.item = selection.item
    LEFT JOIN result ON result.item = selection.item
    WHERE selection.generation = :generation AND selection.position > :after
        AND selection.position <= CAST(:after AS bigint) + :size
)
SELECT page.position, item.key, value.json, item.status, result.json, item.error, job.key, item.attempt,
    COALESCE(item.cost, job.cost / job.items), item.at, job.adopted, job.id, job.remote
FROM page
JOIN item ON item.id = page.item
JOIN value ON value.item = page.item
LEFT JOIN result ON result.item = page.item
LEFT JOIN job ON job.id = item.job
WHERE page.before < :bytes
ORDER BY page.position;
