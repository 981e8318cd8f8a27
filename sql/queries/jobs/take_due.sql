-- name: jobs/take_due: the jobs to call the verifier for now, each moved on to its next time
WITH taken AS MATERIALIZED (
    SELECT
        id,
        -- Only for whoever takes it first after that: taking moves it on.
        state = 'running' AND next_attempt_at <= lease_until AS lease_expired
    FROM public.verification_jobs
    WHERE state IN ('pending', 'running')
        AND next_attempt_at <= now()
        AND attempt < $2::int
    ORDER BY turn, started_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)

UPDATE public.verification_jobs AS jobs
SET
    dispatches = jobs.dispatches + 1,
    next_attempt_at = now() + make_interval(secs => $3)
FROM taken
WHERE jobs.id = taken.id
RETURNING
    jobs.id,
    jobs.traceparent,
    taken.lease_expired
