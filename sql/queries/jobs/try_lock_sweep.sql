-- name: jobs/try_lock_sweep: whether nobody else sweeps in this moment; held until the transaction ends
SELECT pg_try_advisory_xact_lock(hashtextextended('sourcerun/sweep', 0)) AS is_ours
