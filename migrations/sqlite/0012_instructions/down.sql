DROP TRIGGER instructions_deleted_tg;
ALTER TABLE messages DROP COLUMN instruction_hash;
DROP TABLE instruction_assignees;
DROP TABLE instructions;
