-- name: jobs/list_idle: those of some jobs on which nobody works: they have ended, or are due
SELECT id
FROM public.verification_jobs
WHERE id = ANY ($1)
    AND (completed_at IS NOT NULL OR next_attempt_at <= now())
