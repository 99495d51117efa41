-- The journals of the audit trail: what took no version of a channel. A channel's journal has its id, the daemon's is nil.
-- No foreign keys: what was removed behind the daemon's back has to be missed.
CREATE TABLE audit_journals (
  id UUID NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  number BIGINT NOT NULL,
  head BYTEA NOT NULL,
  CONSTRAINT audit_journals_pk PRIMARY KEY (id)
);

CREATE TABLE audit_records (
  journal_id UUID NOT NULL,
  number BIGINT NOT NULL,
  kind TEXT NOT NULL,
  actor_id UUID,
  at TIMESTAMPTZ NOT NULL,
  hash BYTEA NOT NULL,
  -- NULL: erased.
  detail TEXT,
  CONSTRAINT audit_records_pk PRIMARY KEY (journal_id, number)
);

-- What a user signed in from, and what was erased, without a look at all the rest.
CREATE INDEX audit_records_signed_in_ix ON audit_records (actor_id) WHERE kind = 'signed_in';
CREATE INDEX audit_records_erased_ix ON audit_records (journal_id, number) WHERE kind = 'erased';

-- Of what there is they begin now.
INSERT INTO audit_journals (id, since, number, head)
  SELECT id, date_trunc('milliseconds', clock_timestamp()), 0, decode(repeat('00', 32), 'hex')
  FROM (SELECT '00000000-0000-0000-0000-000000000000'::uuid AS id UNION ALL SELECT id FROM channels) AS j;

-- A binary that does not write the journals would break them.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0011')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
