-- name: jobs/fail: one row while the lease is ours; the job ends and whoever waits for it wakes
WITH ended AS (
    UPDATE public.verification_jobs
    SET
        state = 'failed',
        completed_at = now(),
        error_code = $3,
        error_id = $4,
        error_data = $5,
        compilation_time = $6,
        lease_owner = NULL,
        lease_token = NULL,
        lease_until = NULL
    WHERE id = $1
        AND lease_token = $2
    RETURNING id
)
SELECT pg_notify('verification_job_ended', ended.id::text)
FROM ended
