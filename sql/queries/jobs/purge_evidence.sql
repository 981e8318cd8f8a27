-- name: jobs/purge_evidence: one deleted row per failure that ended too long ago, up to a number
DELETE FROM public.verification_jobs_ephemeral
WHERE id = ANY (
    ARRAY(
        SELECT evidence.id
        FROM public.verification_jobs AS jobs
        INNER JOIN public.verification_jobs_ephemeral AS evidence ON evidence.id = jobs.id
        WHERE jobs.state = 'failed'
            AND jobs.completed_at < now() - make_interval(secs => $1)
        ORDER BY jobs.completed_at
        LIMIT $2
    )
)
