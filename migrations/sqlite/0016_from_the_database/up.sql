-- The host application's SQL has a function and views on PostgreSQL only: a file is the daemon's own.
SELECT 1;
