-- +goose Up

-- A simulation waits since it was queued: one that is retried, or whose time has come, does not overtake those that have waited.
DROP INDEX simulations_queued;
CREATE INDEX simulations_queued ON simulations (priority, tenant, queued_at, number) WHERE state = 'queued';

-- An idempotency key stays when its simulation is deleted; nobody looks for the keys of a simulation any more.
DROP INDEX idempotency_of;
