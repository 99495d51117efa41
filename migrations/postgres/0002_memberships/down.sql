ALTER TABLE users DROP COLUMN memberships;
