-- name: jobs/purge_evidence: one deleted row per failure that ended too long ago
DELETE FROM public.verification_jobs_ephemeral AS evidence
USING public.verification_jobs AS jobs
WHERE jobs.id = evidence.id
    AND jobs.completed_at < now() - make_interval(secs => $1)
