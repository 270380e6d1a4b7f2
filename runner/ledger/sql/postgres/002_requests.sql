-- How many replies to a job's paying request were lost, and how many of its requests were released without a proof.
ALTER TABLE job ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN unproven BIGINT NOT NULL DEFAULT 0;

-- Manifests of which a reply to a paying request was read as they say.
CREATE TABLE understood (
    manifest TEXT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL
);
