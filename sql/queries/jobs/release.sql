-- name: jobs/release: one row while the lease is ours; the attempt does not count
WITH freed AS (
    UPDATE public.verification_jobs
    SET
        events = events + 1,
        state = 'pending',
        attempt = attempt - 1,
        lease_owner = NULL,
        lease_token = NULL,
        lease_until = NULL,
        next_attempt_at = now()
    WHERE id = $1
        AND lease_token = $2
    RETURNING
        id,
        events,
        attempt
),

queued AS (
    INSERT INTO public.verification_job_events (job_id, number, stage, attempt)
    SELECT
        id,
        events,
        'queued',
        attempt
    FROM freed
)

SELECT pg_notify('verification_job_progressed', freed.id::text)
FROM freed
