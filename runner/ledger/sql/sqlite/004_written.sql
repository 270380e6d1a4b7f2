-- How often a ledger on a server was written under each lease, and when: one that was restored knows less.
ALTER TABLE lease ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN written_at REAL;
-- When a ledger in a file was last written.
ALTER TABLE ledger ADD COLUMN written_at REAL;
-- Nothing that was written before this moment is missing; NULL when unknown.
ALTER TABLE regression ADD COLUMN since REAL;
