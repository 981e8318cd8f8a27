-- name: jobs/backlog: how many jobs are open, and for how long the oldest has been
SELECT
    count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'running') AS running,
    extract(EPOCH FROM now() - min(started_at))::float8 AS oldest_seconds
FROM public.verification_jobs
WHERE state IN ('pending', 'running')
