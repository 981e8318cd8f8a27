-- name: jobs/take_due: the jobs to call the verifier for now, each moved on to its next time
WITH open AS (
    SELECT
        jobs.id,
        jobs.started_at,
        (
            SELECT inputs.client
            FROM public.verification_job_inputs AS inputs
            WHERE inputs.id = jobs.id
        ) AS client,
        jobs.next_attempt_at <= now() AND jobs.attempt < $2::int AS is_due
    FROM public.verification_jobs AS jobs
    WHERE jobs.state IN ('pending', 'running')
),

-- A client's turn comes after as many turns as it has jobs under way.
turns AS (
    SELECT
        id,
        started_at,
        is_due,
        count(*) FILTER (WHERE NOT is_due) OVER (PARTITION BY client)
        + row_number() OVER (PARTITION BY client, is_due ORDER BY started_at) AS turn
    FROM open
),

-- Some more than are wanted: others may be taking the first of them in this moment.
next AS MATERIALIZED (
    SELECT
        id,
        turn
    FROM turns
    WHERE is_due
    ORDER BY turn, started_at
    LIMIT $1::bigint + 100
),

taken AS MATERIALIZED (
    SELECT jobs.id
    FROM public.verification_jobs AS jobs
    INNER JOIN next ON next.id = jobs.id
    WHERE jobs.state IN ('pending', 'running')
        AND jobs.next_attempt_at <= now()
        AND jobs.attempt < $2::int
    ORDER BY next.turn, jobs.started_at
    LIMIT $1
    FOR UPDATE OF jobs SKIP LOCKED
)

UPDATE public.verification_jobs AS jobs
SET
    dispatches = jobs.dispatches + 1,
    next_attempt_at = now() + make_interval(secs => $3)
FROM taken
WHERE jobs.id = taken.id
RETURNING
    jobs.id,
    jobs.traceparent
