-- name: jobs/release: one changed row while the lease is ours; the attempt does not count
UPDATE public.verification_jobs
SET
    state = 'pending',
    attempt = attempt - 1,
    lease_owner = NULL,
    lease_token = NULL,
    lease_until = NULL,
    next_attempt_at = now()
WHERE id = $1
    AND lease_token = $2
