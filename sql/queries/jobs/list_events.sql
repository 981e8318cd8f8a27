-- name: jobs/list_events: the job with each of its events after a number, one row at least if there is the job
SELECT
    jobs.started_at,
    jobs.input_bytes,
    jobs.events AS last_number,
    jobs.completed_at IS NOT NULL AS is_ended,
    events.number,
    events.stage,
    events.attempt,
    events.happened_at
FROM public.verification_jobs AS jobs
LEFT JOIN public.verification_job_events AS events
    ON events.job_id = jobs.id
    AND events.number > $2
WHERE jobs.id = $1
ORDER BY events.number
