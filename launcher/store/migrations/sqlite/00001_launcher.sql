-- +goose Up

-- Texts, each once: configurations, campaigns, lists of pinned files.
CREATE TABLE documents (
  sha256   TEXT PRIMARY KEY,
  size     INTEGER NOT NULL,          -- of the text in bytes
  encoding TEXT NOT NULL CHECK (encoding IN ('plain', 'zstd')),
  body     BLOB NOT NULL
);

CREATE TABLE simulations (
  number        INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of submissions
  id            TEXT NOT NULL UNIQUE,
  tenant        TEXT NOT NULL,
  name          TEXT NOT NULL,
  owner         TEXT NOT NULL,
  labels        TEXT NOT NULL,        -- JSON, for reading; label_index is for finding
  state         TEXT NOT NULL CHECK (state IN ('scheduled', 'queued', 'running', 'paused', 'succeeded', 'partially_failed', 'failed', 'cancelled')),
  priority      INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  submitted_by  TEXT NOT NULL,
  schedule_id   TEXT NOT NULL,
  fire_time     INTEGER,
  submitted_at  INTEGER NOT NULL,
  run_at        INTEGER,
  queued_at     INTEGER,
  started_at    INTEGER,
  finished_at   INTEGER,
  slots         INTEGER NOT NULL,
  campaigns     INTEGER NOT NULL,
  variants      INTEGER NOT NULL,
  pending       INTEGER NOT NULL CHECK (pending >= 0),
  running       INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
  succeeded     INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
  failed        INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
  cancelled     INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
  wanted        TEXT NOT NULL DEFAULT '' CHECK (wanted IN ('', 'cancel', 'pause')),
  wanted_by     TEXT NOT NULL DEFAULT '',
  progress      TEXT NOT NULL DEFAULT '{}',
  fault         TEXT,
  begun         INTEGER NOT NULL DEFAULT 0, -- 1: its variants have rows
  holder        TEXT NOT NULL DEFAULT '',
  epoch         INTEGER NOT NULL DEFAULT 0,
  lease_until   INTEGER,              -- null: nobody's
  attempts      INTEGER NOT NULL DEFAULT 0,
  events        INTEGER NOT NULL DEFAULT 1, -- the first is written with it
  webhook       TEXT NOT NULL,
  engine        TEXT NOT NULL,
  snapshot      TEXT NOT NULL,        -- SHA-256
  config_name   TEXT NOT NULL,
  config        TEXT NOT NULL REFERENCES documents,
  campaigns_name TEXT,
  campaigns_doc TEXT REFERENCES documents, -- null: inline in the configuration
  inventory     TEXT NOT NULL REFERENCES documents,
  CHECK (pending + running + succeeded + failed + cancelled = variants),
  CHECK (wanted = '' OR state = 'running'),
  CHECK (lease_until IS NULL OR state = 'running'),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'partially_failed', 'failed', 'cancelled'))),
  CHECK (state <> 'scheduled' OR run_at IS NOT NULL)
);
CREATE INDEX simulations_of_tenant ON simulations (tenant, number);
CREATE INDEX simulations_by_state ON simulations (tenant, state, number);
CREATE INDEX simulations_by_owner ON simulations (tenant, owner, number);
CREATE INDEX simulations_scheduled ON simulations (run_at) WHERE state = 'scheduled';
CREATE INDEX simulations_queued ON simulations (priority, tenant, number) WHERE state = 'queued';
CREATE INDEX simulations_waiting ON simulations (queued_at) WHERE state = 'queued';
CREATE INDEX simulations_running ON simulations (tenant) WHERE state = 'running';
CREATE INDEX simulations_unfinished ON simulations (tenant) WHERE state IN ('scheduled', 'queued', 'running', 'paused');
CREATE INDEX simulations_config ON simulations (config);
CREATE INDEX simulations_campaigns ON simulations (campaigns_doc) WHERE campaigns_doc IS NOT NULL;
CREATE INDEX simulations_inventory ON simulations (inventory);
CREATE UNIQUE INDEX simulations_fired ON simulations (schedule_id, fire_time) WHERE fire_time IS NOT NULL;

-- The moves of package store's diagram; any other is refused.
-- +goose StatementBegin
CREATE TRIGGER simulations_born BEFORE INSERT ON simulations
WHEN NEW.state NOT IN ('scheduled', 'queued')
BEGIN SELECT RAISE(ABORT, 'a simulation begins scheduled or queued'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER simulations_move BEFORE UPDATE OF state ON simulations
WHEN NEW.state <> OLD.state AND NOT (
  (OLD.state = 'scheduled' AND NEW.state IN ('queued', 'cancelled'))
  OR (OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled'))
  OR (OLD.state = 'running' AND NEW.state IN ('paused', 'succeeded', 'partially_failed', 'failed', 'cancelled'))
  OR (OLD.state = 'paused' AND NEW.state IN ('running', 'cancelled'))
  OR (OLD.state IN ('partially_failed', 'failed', 'cancelled') AND NEW.state = 'queued'))
BEGIN SELECT RAISE(ABORT, 'no such move of a simulation'); END;
-- +goose StatementEnd

CREATE TABLE label_index (
  tenant        TEXT NOT NULL,
  key           TEXT NOT NULL,
  value         TEXT NOT NULL,
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  PRIMARY KEY (simulation_id, key)
) WITHOUT ROWID;

CREATE TABLE variants (
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  position      INTEGER NOT NULL,     -- in the plan
  id            TEXT NOT NULL,
  state         TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  attempt       INTEGER NOT NULL DEFAULT 0,
  after         INTEGER NOT NULL DEFAULT 0,
  tries         INTEGER NOT NULL DEFAULT 0,
  failures_seen INTEGER NOT NULL DEFAULT 0, -- the highest attempt whose failure was recorded
  reason        TEXT NOT NULL DEFAULT '',
  message       TEXT NOT NULL DEFAULT '',
  started_at    INTEGER,
  finished_at   INTEGER,
  PRIMARY KEY (simulation_id, position),
  UNIQUE (simulation_id, id),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled')))
) WITHOUT ROWID;
-- +goose StatementBegin
CREATE TRIGGER variants_born BEFORE INSERT ON variants
WHEN NEW.state <> 'pending'
BEGIN SELECT RAISE(ABORT, 'a variant begins pending'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER variants_move BEFORE UPDATE OF state ON variants
WHEN NEW.state <> OLD.state AND NOT (
  (OLD.state = 'pending' AND NEW.state IN ('running', 'cancelled'))
  OR (OLD.state = 'running' AND NEW.state IN ('succeeded', 'failed', 'cancelled'))
  OR (OLD.state IN ('failed', 'cancelled') AND NEW.state = 'pending'))
BEGIN SELECT RAISE(ABORT, 'no such move of a variant'); END;
-- +goose StatementEnd

CREATE TABLE events (
  simulation_id TEXT NOT NULL,        -- also of one that was deleted
  seq           INTEGER NOT NULL,
  tenant        TEXT NOT NULL,
  at            INTEGER NOT NULL,
  type          TEXT NOT NULL,
  data          TEXT NOT NULL,
  feed          INTEGER NOT NULL,     -- 1: also in the tenant's feed
  PRIMARY KEY (simulation_id, seq)
) WITHOUT ROWID;
CREATE INDEX events_feed ON events (tenant, at, simulation_id, seq) WHERE feed = 1;

CREATE TABLE notes (
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  seq           INTEGER NOT NULL,     -- of its event
  id            TEXT NOT NULL,
  variant_id    TEXT NOT NULL,
  author        TEXT NOT NULL,
  at            INTEGER NOT NULL,
  text          TEXT NOT NULL,
  PRIMARY KEY (simulation_id, seq),
  UNIQUE (simulation_id, id)
) WITHOUT ROWID;

-- What is left of deleted simulations.
CREATE TABLE tombstones (
  id              TEXT PRIMARY KEY,
  tenant          TEXT NOT NULL,
  deleted_at      INTEGER NOT NULL,
  deleted_by      TEXT NOT NULL,
  results_removed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tombstones_open ON tombstones (deleted_at) WHERE results_removed = 0;

CREATE TABLE idempotency (
  tenant        TEXT NOT NULL,
  key           TEXT NOT NULL,
  body_sha256   TEXT NOT NULL,
  simulation_id TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_old ON idempotency (created_at);
CREATE INDEX idempotency_of ON idempotency (simulation_id);

CREATE TABLE schedules (
  id           TEXT PRIMARY KEY,
  tenant       TEXT NOT NULL,
  name         TEXT NOT NULL,
  cron         TEXT NOT NULL,
  timezone     TEXT NOT NULL,
  missed       TEXT NOT NULL CHECK (missed IN ('skip', 'run_once')),
  paused       INTEGER NOT NULL,
  config_name  TEXT NOT NULL,
  config       TEXT NOT NULL REFERENCES documents,
  priority     INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  webhook      TEXT NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  next_at      INTEGER,
  last_at      INTEGER,
  last_id      TEXT NOT NULL,
  last_problem TEXT NOT NULL,
  version      INTEGER NOT NULL
);
CREATE INDEX schedules_of_tenant ON schedules (tenant, name, id);
CREATE INDEX schedules_due ON schedules (next_at) WHERE paused = 0;
CREATE INDEX schedules_config ON schedules (config);

CREATE TABLE tiers (
  name         TEXT PRIMARY KEY,
  per_minute   INTEGER NOT NULL,
  burst        INTEGER NOT NULL,
  max_priority INTEGER NOT NULL CHECK (max_priority BETWEEN 0 AND 9),
  max_queued   INTEGER NOT NULL
);
INSERT INTO tiers VALUES ('standard', 600, 100, 5, 0);

CREATE TABLE keys (
  id           TEXT PRIMARY KEY,
  hash         TEXT NOT NULL,
  name         TEXT NOT NULL,
  tenant       TEXT NOT NULL,
  tier         TEXT NOT NULL REFERENCES tiers,
  scopes       TEXT NOT NULL,         -- JSON
  created_at   INTEGER NOT NULL,
  revoked_at   INTEGER,
  last_used_at INTEGER
);

CREATE TABLE links (
  key        TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  target     TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  visits     INTEGER NOT NULL
);

CREATE TABLE deliveries (
  id            TEXT PRIMARY KEY,
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  tenant        TEXT NOT NULL,
  url           TEXT NOT NULL,
  payload       TEXT NOT NULL,
  attempts      INTEGER NOT NULL,
  next_at       INTEGER NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  last_error    TEXT NOT NULL,
  holder        TEXT NOT NULL,
  lease_until   INTEGER
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_of ON deliveries (simulation_id);

-- What happened how often, ever.
CREATE TABLE tallies (
  name  TEXT PRIMARY KEY,
  count INTEGER NOT NULL
);
INSERT INTO tallies VALUES ('dead_letters', 0), ('take_overs', 0);
