-- name: jobs/backlog: how many jobs are open, by state and age (up to 10 s, 1 min, 10 min, older), and the oldest's
SELECT
    state,
    width_bucket(extract(EPOCH FROM now() - started_at)::float8, ARRAY[10, 60, 600]::float8 []) AS age,
    count(*) AS jobs,
    extract(EPOCH FROM now() - min(started_at))::float8 AS oldest_seconds
FROM public.verification_jobs
-- The indices of open jobs alone answer this.
WHERE state IN ('pending', 'running')
GROUP BY state, age
