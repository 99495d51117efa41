DELETE FROM meta WHERE key = 'oldest_schema';
DROP TABLE audit_heads;
DROP TABLE audit_entries;
