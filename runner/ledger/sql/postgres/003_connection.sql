-- Which account a job went to: a remote job belongs to one job of ours. NULL in rows of a runner that did not know it.
ALTER TABLE job ADD COLUMN connection TEXT;
CREATE INDEX job_remote ON job (remote) WHERE remote IS NOT NULL;
