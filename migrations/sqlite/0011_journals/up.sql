-- The journals of the audit trail: what took no version of a channel. A channel's journal has its id, the daemon's is nil.
-- No foreign keys: what was removed behind the daemon's back has to be missed.
CREATE TABLE audit_journals (
  id BLOB NOT NULL,
  since INTEGER NOT NULL,
  number INTEGER NOT NULL,
  head BLOB NOT NULL,
  CONSTRAINT audit_journals_pk PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_records (
  journal_id BLOB NOT NULL,
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor_id BLOB,
  at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  -- NULL: erased.
  detail TEXT,
  CONSTRAINT audit_records_pk PRIMARY KEY (journal_id, number)
) STRICT, WITHOUT ROWID;

-- What a user signed in from, and what was erased, without a look at all the rest.
CREATE INDEX audit_records_signed_in_ix ON audit_records (actor_id) WHERE kind = 'signed_in';
CREATE INDEX audit_records_erased_ix ON audit_records (journal_id, number) WHERE kind = 'erased';

-- Of what there is they begin now.
INSERT INTO audit_journals (id, since, number, head)
  SELECT id, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000, 0, zeroblob(32)
  FROM (SELECT zeroblob(16) AS id UNION ALL SELECT id FROM channels);

-- A binary that does not write the journals would break them.
INSERT INTO meta (key, value) VALUES ('oldest_schema', '0011')
  ON CONFLICT (key) DO UPDATE SET value = excluded.value;
