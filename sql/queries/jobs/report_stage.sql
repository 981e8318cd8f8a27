-- name: jobs/report_stage: one row while the lease is ours; whoever follows the job wakes
WITH moved AS (
    UPDATE public.verification_jobs
    SET events = events + 1
    WHERE id = $1
        AND lease_token = $2
    RETURNING
        id,
        events,
        attempt
),

reported AS (
    INSERT INTO public.verification_job_events (job_id, number, stage, attempt)
    SELECT
        id,
        events,
        $3,
        attempt
    FROM moved
)

SELECT pg_notify('verification_job_progressed', moved.id::text)
FROM moved
