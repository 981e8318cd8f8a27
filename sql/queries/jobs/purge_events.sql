-- name: jobs/purge_events: one deleted row per event that happened too long ago, up to a number
DELETE FROM public.verification_job_events
-- By the place of a row, which holds: events are never changed.
WHERE ctid = ANY (
    ARRAY(
        SELECT ctid
        FROM public.verification_job_events
        WHERE happened_at < now() - make_interval(secs => $1)
        ORDER BY happened_at
        LIMIT $2
    )
)
