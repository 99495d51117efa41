DROP TABLE audit_records;
DROP TABLE audit_journals;
UPDATE meta SET value = '0007' WHERE key = 'oldest_schema';
