DROP TRIGGER instructions_deleted_tg ON messages;
DROP FUNCTION instructions_let_go();
ALTER TABLE messages DROP COLUMN instruction_hash;
DROP TABLE instruction_assignees;
DROP TABLE instructions;
