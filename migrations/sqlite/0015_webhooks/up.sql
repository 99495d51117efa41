-- Where the application's server is told of what happens. Secrets are here, as they are needed to sign.
CREATE TABLE webhooks (
  id BLOB NOT NULL,
  url TEXT NOT NULL,
  -- Names with a blank between. NULL: all there are, and all there will be.
  events TEXT,
  secret TEXT NOT NULL,
  previous_secret TEXT,
  previous_until INTEGER,
  state TEXT NOT NULL,
  -- Why it is disabled.
  reason TEXT,
  origin TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- It asked to be left alone until then.
  paused_until INTEGER,
  -- Since when it does not answer at all.
  failing_since INTEGER,
  CONSTRAINT webhooks_pk PRIMARY KEY (id),
  CONSTRAINT webhooks_state_ck CHECK (state IN ('active', 'disabled')),
  CONSTRAINT webhooks_origin_ck CHECK (origin IN ('api', 'settings'))
) STRICT, WITHOUT ROWID;

-- How far each of them has come in the log of each channel, and in what there is of each user's presence. The events
-- themselves are nowhere: they are read from the logs. No foreign keys: they would lock the rows of channels.
CREATE TABLE webhook_cursors (
  webhook_id BLOB NOT NULL,
  lane TEXT NOT NULL,
  lane_id BLOB NOT NULL,
  -- The last version of the channel, its last message, the last record of its journal; of a user the last change.
  version INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  record INTEGER NOT NULL,
  -- How often it was put back, so that whoever delivers meanwhile does not put it forth again.
  rewinds INTEGER NOT NULL,
  -- Of the next event, while it fails.
  attempts INTEGER NOT NULL,
  event TEXT,
  event_id BLOB,
  first_at INTEGER,
  next_at INTEGER,
  error TEXT,
  -- Whether that was for want of any answer, and not for this event's sake.
  unreachable INTEGER NOT NULL,
  -- Which node delivers, and for how long nobody else may.
  leased_by BLOB,
  leased_until INTEGER,
  CONSTRAINT webhook_cursors_pk PRIMARY KEY (webhook_id, lane, lane_id),
  CONSTRAINT webhook_cursors_lane_ck CHECK (lane IN ('channel', 'user'))
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_cursors_next_ix ON webhook_cursors (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_cursors_lane_ix ON webhook_cursors (lane_id);

-- Events that could not be delivered for days: where they are in their logs, to be delivered when that is asked for.
CREATE TABLE webhook_failures (
  webhook_id BLOB NOT NULL,
  event_id BLOB NOT NULL,
  event TEXT NOT NULL,
  lane TEXT NOT NULL,
  lane_id BLOB NOT NULL,
  version INTEGER,
  record INTEGER,
  at INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  failed_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  -- Asked for, and by whom it is seen to.
  wanted INTEGER NOT NULL,
  leased_until INTEGER,
  CONSTRAINT webhook_failures_pk PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_failures_lane_ix ON webhook_failures (lane_id);
CREATE INDEX webhook_failures_wanted_ix ON webhook_failures (webhook_id) WHERE wanted;

-- How each user was last known to be, written only while a webhook is told of it. `number` orders what nodes say,
-- `changes` counts what is told.
CREATE TABLE presence (
  user_id BLOB NOT NULL,
  online INTEGER NOT NULL,
  number INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  at INTEGER NOT NULL,
  CONSTRAINT presence_pk PRIMARY KEY (user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX presence_online_ix ON presence (user_id) WHERE online;

CREATE TABLE presence_changes (
  user_id BLOB NOT NULL,
  change INTEGER NOT NULL,
  online INTEGER NOT NULL,
  at INTEGER NOT NULL,
  CONSTRAINT presence_changes_pk PRIMARY KEY (user_id, change)
) STRICT, WITHOUT ROWID;

CREATE INDEX presence_changes_at_ix ON presence_changes (at);

CREATE TRIGGER webhook_lanes_channel_tg AFTER DELETE ON channels BEGIN
  DELETE FROM webhook_cursors WHERE lane = 'channel' AND lane_id = OLD.id;
  DELETE FROM webhook_failures WHERE lane = 'channel' AND lane_id = OLD.id;
END;
