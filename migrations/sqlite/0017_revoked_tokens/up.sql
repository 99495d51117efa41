-- Of whom no tokens are taken that were made before a moment. No foreign key: the daemon may not know the user yet, and
-- whoever is deleted is not to come in again by an old token.
CREATE TABLE revoked_tokens (
  user_id BLOB NOT NULL,
  issued_before INTEGER NOT NULL,
  CONSTRAINT revoked_tokens_pk PRIMARY KEY (user_id)
) STRICT, WITHOUT ROWID;

-- Every node looks for the newest all the time.
CREATE INDEX revoked_tokens_before_ix ON revoked_tokens (issued_before);
