-- name: jobs/count_open: how many jobs are open, in all and of one client, each counted up to its limit
SELECT
    (
        SELECT count(*)
        FROM (
            SELECT
            FROM public.verification_jobs
            WHERE state IN ('pending', 'running')
            -- In this order they lie in an index of open jobs, and the ended ones need not be read.
            ORDER BY next_attempt_at
            LIMIT $2
        ) AS open
    ) AS in_all,
    (
        SELECT count(*)
        FROM (
            SELECT
            FROM public.verification_job_inputs
            WHERE client = $1
            LIMIT $3
        ) AS open
    ) AS of_client
