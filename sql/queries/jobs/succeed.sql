-- name: jobs/succeed: one row while the lease is ours; the job ends and whoever waits for it wakes
WITH ended AS (
    UPDATE public.verification_jobs
    SET
        state = 'succeeded',
        completed_at = now(),
        verified_contract_id = $3,
        compilation_time = $4,
        creation_match = $5,
        runtime_match = $6,
        lease_owner = NULL,
        lease_token = NULL,
        lease_until = NULL
    WHERE id = $1
        AND lease_token = $2
    RETURNING id
)
SELECT pg_notify('verification_job_ended', ended.id::text)
FROM ended
