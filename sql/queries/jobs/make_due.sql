-- name: jobs/make_due: one changed row per job that waits for its first lease or the next
UPDATE public.verification_jobs
SET next_attempt_at = now()
WHERE id = ANY ($1)
    AND state = 'pending'
