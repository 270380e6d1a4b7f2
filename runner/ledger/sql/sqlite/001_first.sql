-- The ledger itself: whose file this is, and the counters that only grow.
CREATE TABLE ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema_version INTEGER NOT NULL,
    instance TEXT NOT NULL,
    serial INTEGER NOT NULL,
    next_item INTEGER NOT NULL,
    next_generation INTEGER NOT NULL
);

CREATE TABLE regression (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    reason TEXT NOT NULL
);

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    holder BLOB NOT NULL,
    since REAL NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE scope (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    profile TEXT NOT NULL,
    recipe TEXT NOT NULL,
    stage TEXT NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER,
    reconciled INTEGER NOT NULL,
    UNIQUE (project, profile, recipe, stage)
);

CREATE TABLE work (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE
);

-- One row per key, content and work that was ever selected; old ones stay, a reverted recipe finds them again.
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    key BLOB NOT NULL,
    content BLOB NOT NULL,
    work INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    job INTEGER,
    error TEXT NOT NULL,
    cost REAL,
    at REAL
);
CREATE UNIQUE INDEX item_identity ON item (scope, key, content, work);

CREATE TABLE value (
    item INTEGER PRIMARY KEY,
    json BLOB NOT NULL
);

CREATE TABLE result (
    item INTEGER PRIMARY KEY,
    json BLOB NOT NULL
);

CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    remote BLOB,
    items INTEGER NOT NULL,
    request TEXT NOT NULL,
    reserved REAL NOT NULL,
    cost REAL,
    intended_at REAL NOT NULL,
    sent_at REAL,
    accepted_at REAL,
    ended_at REAL,
    word TEXT NOT NULL,
    error TEXT NOT NULL,
    settled INTEGER NOT NULL,
    adopted INTEGER NOT NULL,
    is_open INTEGER NOT NULL
);
CREATE UNIQUE INDEX job_identity ON job (scope, key);
CREATE INDEX job_open ON job (scope, id) WHERE is_open = 1;
CREATE INDEX job_held ON job (id) WHERE status = 'held';

CREATE TABLE job_item (
    job INTEGER NOT NULL,
    item INTEGER NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (job, item)
) WITHOUT ROWID;

-- Captured values of jobs, appended; the later ones are merged over the earlier.
CREATE TABLE kept (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    json BLOB NOT NULL
);
CREATE INDEX kept_job ON kept (job);

-- A generation is one selection of a scope; the current one is scope.generation.
CREATE TABLE generation (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    count INTEGER NOT NULL,
    mark BLOB NOT NULL
);
CREATE INDEX generation_scope ON generation (scope);

CREATE TABLE selection (
    generation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    item INTEGER NOT NULL,
    PRIMARY KEY (generation, position)
) WITHOUT ROWID;
CREATE UNIQUE INDEX selection_item ON selection (generation, item);

CREATE TABLE publication (
    scope INTEGER NOT NULL,
    sink TEXT NOT NULL,
    publish TEXT NOT NULL,
    version INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    at REAL NOT NULL,
    receipt BLOB NOT NULL,
    PRIMARY KEY (scope, sink)
) WITHOUT ROWID;

-- Saved plans that were applied: none is used twice.
CREATE TABLE plan_use (
    scope INTEGER NOT NULL,
    plan TEXT NOT NULL,
    begun_at REAL NOT NULL,
    ended_at REAL,
    PRIMARY KEY (scope, plan)
) WITHOUT ROWID;

CREATE TABLE run (
    scope INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    outcome TEXT,
    holder BLOB NOT NULL,
    summary BLOB NOT NULL,
    PRIMARY KEY (scope, number)
) WITHOUT ROWID;
