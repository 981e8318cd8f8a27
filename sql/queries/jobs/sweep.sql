-- name: jobs/sweep: the jobs that are due, each moved on by its backoff
WITH due AS MATERIALIZED (
    SELECT id
    FROM public.verification_jobs
    WHERE state IN ('pending', 'running')
        AND next_attempt_at <= now()
        AND attempt < $2::int
    ORDER BY next_attempt_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE public.verification_jobs AS jobs
SET
    dispatches = jobs.dispatches + 1,
    next_attempt_at = now() + make_interval(
        secs => least($3::float8 * power(2::float8, least(jobs.dispatches, 10)), $4::float8)
    )
FROM due
WHERE jobs.id = due.id
RETURNING
    jobs.id,
    jobs.traceparent
