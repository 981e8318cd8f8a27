-- name: jobs/purge_failed: one deleted row per job that failed too long ago, up to a number
DELETE FROM public.verification_jobs
WHERE id = ANY (
    ARRAY(
        SELECT id
        FROM public.verification_jobs
        WHERE state = 'failed'
            AND completed_at < now() - make_interval(secs => $1)
        ORDER BY completed_at
        LIMIT $2
    )
)
