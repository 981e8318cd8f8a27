-- name: schema/lock_migrations: nothing, once no other migration runs; until the connection ends
SELECT pg_advisory_lock(hashtextextended('sourcerun/migrate', 0))
