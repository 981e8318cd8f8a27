-- name: jobs/try_lock_sweep: whether nobody else ends jobs without hope in this moment; held until the transaction ends
SELECT pg_try_advisory_xact_lock(hashtextextended('sourcerun/sweep', 0)) AS is_ours
