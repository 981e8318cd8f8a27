-- name: jobs/list_recent: how large the last ended jobs were and how long they took
SELECT
    input_bytes,
    extract(EPOCH FROM completed_at - started_at)::float8 AS seconds
FROM public.verification_jobs
WHERE completed_at IS NOT NULL
    AND input_bytes IS NOT NULL
    -- It took as long as nobody came.
    AND error_code IS DISTINCT FROM 'job_abandoned'
ORDER BY completed_at DESC
LIMIT $1
