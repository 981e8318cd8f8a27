-- name: jobs/give_back: one row while the lease is ours; the attempt counts
WITH freed AS (
    UPDATE public.verification_jobs
    SET
        events = events + 1,
        state = 'pending',
        lease_owner = NULL,
        lease_token = NULL,
        lease_until = NULL,
        next_attempt_at = now() + make_interval(secs => $3)
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
