-- Grows with each channel that the user is added to or removed from.
ALTER TABLE users ADD COLUMN memberships INTEGER NOT NULL DEFAULT 0;
