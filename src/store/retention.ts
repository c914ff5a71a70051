// What is deleted when it is old, in words that SQLite and MySQL both know.

/**
 * Calls that began before ?, the oldest first, at most ? of them. MySQL takes no LIMIT in the query of an IN, but in
 * one within it.
 */
export const TRIM_CALLS = `
  DELETE FROM "call" WHERE id IN (
    SELECT id FROM (SELECT id FROM "call" WHERE started_at < ? ORDER BY started_at LIMIT ?) AS oldest)`
