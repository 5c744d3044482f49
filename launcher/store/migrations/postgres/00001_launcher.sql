-- +goose Up

-- Texts, each once: configurations, campaigns, lists of pinned files.
CREATE TABLE documents (
  sha256   TEXT PRIMARY KEY,
  size     bigint NOT NULL,          -- of the text in bytes
  encoding TEXT NOT NULL CHECK (encoding IN ('plain', 'zstd')),
  body     bytea NOT NULL
);

CREATE TABLE simulations (
  number        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of submissions
  id            TEXT NOT NULL UNIQUE,
  tenant        TEXT NOT NULL,
  name          TEXT NOT NULL,
  owner         TEXT NOT NULL,
  labels        TEXT NOT NULL,        -- JSON, for reading; label_index is for finding
  state         TEXT NOT NULL CHECK (state IN ('scheduled', 'queued', 'running', 'paused', 'succeeded', 'partially_failed', 'failed', 'cancelled')),
  priority      bigint NOT NULL CHECK (priority BETWEEN 0 AND 9),
  submitted_by  TEXT NOT NULL,
  schedule_id   TEXT NOT NULL,
  fire_time     bigint,
  submitted_at  bigint NOT NULL,
  run_at        bigint,
  queued_at     bigint,
  started_at    bigint,
  finished_at   bigint,
  slots         bigint NOT NULL,
  campaigns     bigint NOT NULL,
  variants      bigint NOT NULL,
  pending       bigint NOT NULL CHECK (pending >= 0),
  running       bigint NOT NULL DEFAULT 0 CHECK (running >= 0),
  succeeded     bigint NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
  failed        bigint NOT NULL DEFAULT 0 CHECK (failed >= 0),
  cancelled     bigint NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
  wanted        TEXT NOT NULL DEFAULT '' CHECK (wanted IN ('', 'cancel', 'pause')),
  wanted_by     TEXT NOT NULL DEFAULT '',
  progress      TEXT NOT NULL DEFAULT '{}',
  fault         TEXT,
  begun         bigint NOT NULL DEFAULT 0, -- 1: its variants have rows
  holder        TEXT NOT NULL DEFAULT '',
  epoch         bigint NOT NULL DEFAULT 0,
  lease_until   bigint,              -- null: nobody's
  attempts      bigint NOT NULL DEFAULT 0,
  events        bigint NOT NULL DEFAULT 1, -- the first is written with it
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
CREATE FUNCTION simulations_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a simulation begins scheduled or queued, not %', NEW.state USING ERRCODE = 'WI001'; END $$;
-- +goose StatementEnd
CREATE TRIGGER simulations_born BEFORE INSERT ON simulations FOR EACH ROW
WHEN (NEW.state NOT IN ('scheduled', 'queued'))
EXECUTE FUNCTION simulations_born();
-- +goose StatementBegin
CREATE FUNCTION simulations_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no such move of a simulation: % to %', coalesce(OLD.state, 'nothing'), NEW.state USING ERRCODE = 'WI001'; END $$;
-- +goose StatementEnd
CREATE TRIGGER simulations_move BEFORE UPDATE OF state ON simulations FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NOT (
  (OLD.state = 'scheduled' AND NEW.state IN ('queued', 'cancelled'))
  OR (OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled'))
  OR (OLD.state = 'running' AND NEW.state IN ('paused', 'succeeded', 'partially_failed', 'failed', 'cancelled'))
  OR (OLD.state = 'paused' AND NEW.state IN ('running', 'cancelled'))
  OR (OLD.state IN ('partially_failed', 'failed', 'cancelled') AND NEW.state = 'queued')))
EXECUTE FUNCTION simulations_move();

CREATE TABLE label_index (
  tenant        TEXT NOT NULL,
  key           TEXT NOT NULL,
  value         TEXT NOT NULL,
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  PRIMARY KEY (simulation_id, key)
);

CREATE TABLE variants (
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  position      bigint NOT NULL,     -- in the plan
  id            TEXT NOT NULL,
  state         TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  attempt       bigint NOT NULL DEFAULT 0,
  after         bigint NOT NULL DEFAULT 0,
  tries         bigint NOT NULL DEFAULT 0,
  failures_seen bigint NOT NULL DEFAULT 0, -- the highest attempt whose failure was recorded
  reason        TEXT NOT NULL DEFAULT '',
  message       TEXT NOT NULL DEFAULT '',
  started_at    bigint,
  finished_at   bigint,
  PRIMARY KEY (simulation_id, position),
  UNIQUE (simulation_id, id),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled')))
);
-- +goose StatementBegin
CREATE FUNCTION variants_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a variant begins pending, not %', NEW.state USING ERRCODE = 'WI001'; END $$;
-- +goose StatementEnd
CREATE TRIGGER variants_born BEFORE INSERT ON variants FOR EACH ROW
WHEN (NEW.state <> 'pending')
EXECUTE FUNCTION variants_born();
-- +goose StatementBegin
CREATE FUNCTION variants_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no such move of a variant: % to %', coalesce(OLD.state, 'nothing'), NEW.state USING ERRCODE = 'WI001'; END $$;
-- +goose StatementEnd
CREATE TRIGGER variants_move BEFORE UPDATE OF state ON variants FOR EACH ROW
WHEN (NEW.state <> OLD.state AND NOT (
  (OLD.state = 'pending' AND NEW.state IN ('running', 'cancelled'))
  OR (OLD.state = 'running' AND NEW.state IN ('succeeded', 'failed', 'cancelled'))
  OR (OLD.state IN ('failed', 'cancelled') AND NEW.state = 'pending')))
EXECUTE FUNCTION variants_move();

CREATE TABLE events (
  simulation_id TEXT NOT NULL,        -- also of one that was deleted
  seq           bigint NOT NULL,
  tenant        TEXT NOT NULL,
  at            bigint NOT NULL,
  type          TEXT NOT NULL,
  data          TEXT NOT NULL,
  feed          bigint NOT NULL,     -- 1: also in the tenant's feed
  PRIMARY KEY (simulation_id, seq)
);
CREATE INDEX events_feed ON events (tenant, at, simulation_id, seq) WHERE feed = 1;

CREATE TABLE notes (
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  seq           bigint NOT NULL,     -- of its event
  id            TEXT NOT NULL,
  variant_id    TEXT NOT NULL,
  author        TEXT NOT NULL,
  at            bigint NOT NULL,
  text          TEXT NOT NULL,
  PRIMARY KEY (simulation_id, seq),
  UNIQUE (simulation_id, id)
);

-- What is left of deleted simulations.
CREATE TABLE tombstones (
  id              TEXT PRIMARY KEY,
  tenant          TEXT NOT NULL,
  deleted_at      bigint NOT NULL,
  deleted_by      TEXT NOT NULL,
  results_removed bigint NOT NULL
);
CREATE INDEX tombstones_open ON tombstones (deleted_at) WHERE results_removed = 0;

CREATE TABLE idempotency (
  tenant        TEXT NOT NULL,
  key           TEXT NOT NULL,
  body_sha256   TEXT NOT NULL,
  simulation_id TEXT NOT NULL,
  created_at    bigint NOT NULL,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_old ON idempotency (created_at);
CREATE INDEX idempotency_of ON idempotency (simulation_id);

CREATE TABLE schedules (
  id           TEXT PRIMARY KEY,
  tenant       TEXT NOT NULL,
  name         TEXT NOT NULL,
  cron         TEXT NOT NULL,
  timezone     TEXT NOT NULL,
  missed       TEXT NOT NULL CHECK (missed IN ('skip', 'run_once')),
  paused       bigint NOT NULL,
  config_name  TEXT NOT NULL,
  config       TEXT NOT NULL REFERENCES documents,
  priority     bigint NOT NULL CHECK (priority BETWEEN 0 AND 9),
  webhook      TEXT NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   bigint NOT NULL,
  updated_at   bigint NOT NULL,
  next_at      bigint,
  last_at      bigint,
  last_id      TEXT NOT NULL,
  last_problem TEXT NOT NULL,
  version      bigint NOT NULL
);
CREATE INDEX schedules_of_tenant ON schedules (tenant, name, id);
CREATE INDEX schedules_due ON schedules (next_at) WHERE paused = 0;
CREATE INDEX schedules_config ON schedules (config);

CREATE TABLE tiers (
  name         TEXT PRIMARY KEY,
  per_minute   bigint NOT NULL,
  burst        bigint NOT NULL,
  max_priority bigint NOT NULL CHECK (max_priority BETWEEN 0 AND 9),
  max_queued   bigint NOT NULL
);
INSERT INTO tiers VALUES ('standard', 600, 100, 5, 0);

CREATE TABLE keys (
  id           TEXT PRIMARY KEY,
  hash         TEXT NOT NULL,
  name         TEXT NOT NULL,
  tenant       TEXT NOT NULL,
  tier         TEXT NOT NULL REFERENCES tiers,
  scopes       TEXT NOT NULL,         -- JSON
  created_at   bigint NOT NULL,
  revoked_at   bigint,
  last_used_at bigint
);

CREATE TABLE links (
  key        TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  target     TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  visits     bigint NOT NULL
);

CREATE TABLE deliveries (
  id            TEXT PRIMARY KEY,
  simulation_id TEXT NOT NULL REFERENCES simulations (id) ON DELETE CASCADE,
  tenant        TEXT NOT NULL,
  url           TEXT NOT NULL,
  payload       TEXT NOT NULL,
  attempts      bigint NOT NULL,
  next_at       bigint NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  last_error    TEXT NOT NULL,
  holder        TEXT NOT NULL,
  lease_until   bigint
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_of ON deliveries (simulation_id);

-- What happened how often, ever.
CREATE TABLE tallies (
  name  TEXT PRIMARY KEY,
  count bigint NOT NULL
);
INSERT INTO tallies VALUES ('dead_letters', 0), ('take_overs', 0);
