-- Nothing here: SQLite looks a key up without a lock, in a page that is at hand.
SELECT 1;
