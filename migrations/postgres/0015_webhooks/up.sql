-- Where the application's server is told of what happens. Secrets are here, as they are needed to sign.
CREATE TABLE webhooks (
  id UUID NOT NULL,
  url TEXT NOT NULL,
  -- Names with a blank between. NULL: all there are, and all there will be.
  events TEXT,
  secret TEXT NOT NULL,
  previous_secret TEXT,
  previous_until TIMESTAMPTZ,
  state TEXT NOT NULL,
  -- Why it is disabled.
  reason TEXT,
  origin TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  -- It asked to be left alone until then.
  paused_until TIMESTAMPTZ,
  -- Since when it does not answer at all.
  failing_since TIMESTAMPTZ,
  CONSTRAINT webhooks_pk PRIMARY KEY (id),
  CONSTRAINT webhooks_state_ck CHECK (state IN ('active', 'disabled')),
  CONSTRAINT webhooks_origin_ck CHECK (origin IN ('api', 'settings'))
);

-- How far each of them has come in the log of each channel, and in what there is of each user's presence. The events
-- themselves are nowhere: they are read from the logs. No foreign keys: they would lock the rows of channels.
CREATE TABLE webhook_cursors (
  webhook_id UUID NOT NULL,
  lane TEXT NOT NULL,
  lane_id UUID NOT NULL,
  -- The last version of the channel, its last message, the last record of its journal; of a user the last change.
  version BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  record BIGINT NOT NULL,
  -- How often it was put back, so that whoever delivers meanwhile does not put it forth again.
  rewinds BIGINT NOT NULL,
  -- Of the next event, while it fails.
  attempts INTEGER NOT NULL,
  event TEXT,
  event_id UUID,
  first_at TIMESTAMPTZ,
  next_at TIMESTAMPTZ,
  error TEXT,
  -- Whether that was for want of any answer, and not for this event's sake.
  unreachable BOOLEAN NOT NULL,
  -- Which node delivers, and for how long nobody else may.
  leased_by UUID,
  leased_until TIMESTAMPTZ,
  CONSTRAINT webhook_cursors_pk PRIMARY KEY (webhook_id, lane, lane_id),
  CONSTRAINT webhook_cursors_lane_ck CHECK (lane IN ('channel', 'user'))
);

CREATE INDEX webhook_cursors_next_ix ON webhook_cursors (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_cursors_lane_ix ON webhook_cursors (lane_id);

-- Events that could not be delivered for days: where they are in their logs, to be delivered when that is asked for.
CREATE TABLE webhook_failures (
  webhook_id UUID NOT NULL,
  event_id UUID NOT NULL,
  event TEXT NOT NULL,
  lane TEXT NOT NULL,
  lane_id UUID NOT NULL,
  version BIGINT,
  record BIGINT,
  at TIMESTAMPTZ NOT NULL,
  first_at TIMESTAMPTZ NOT NULL,
  failed_at TIMESTAMPTZ NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  -- Asked for, and by whom it is seen to.
  wanted BOOLEAN NOT NULL,
  leased_until TIMESTAMPTZ,
  CONSTRAINT webhook_failures_pk PRIMARY KEY (webhook_id, event_id)
);

CREATE INDEX webhook_failures_lane_ix ON webhook_failures (lane_id);
CREATE INDEX webhook_failures_wanted_ix ON webhook_failures (webhook_id) WHERE wanted;

-- How each user was last known to be, written only while a webhook is told of it. `number` orders what nodes say,
-- `changes` counts what is told.
CREATE TABLE presence (
  user_id UUID NOT NULL,
  online BOOLEAN NOT NULL,
  number BIGINT NOT NULL,
  changes BIGINT NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  CONSTRAINT presence_pk PRIMARY KEY (user_id)
);

CREATE INDEX presence_online_ix ON presence (user_id) WHERE online;

CREATE TABLE presence_changes (
  user_id UUID NOT NULL,
  change BIGINT NOT NULL,
  online BOOLEAN NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  CONSTRAINT presence_changes_pk PRIMARY KEY (user_id, change)
);

CREATE INDEX presence_changes_at_ix ON presence_changes (at);

-- Whoever deletes may have another search_path than the daemon: hence TG_TABLE_SCHEMA.
CREATE FUNCTION webhook_lanes_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %I.webhook_cursors WHERE lane = ''channel'' AND lane_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  EXECUTE format('DELETE FROM %I.webhook_failures WHERE lane = ''channel'' AND lane_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
  RETURN OLD;
END $$;

CREATE TRIGGER webhook_lanes_channel_tg BEFORE DELETE ON channels FOR EACH ROW EXECUTE FUNCTION webhook_lanes_go();
