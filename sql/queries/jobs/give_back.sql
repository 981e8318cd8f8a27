-- name: jobs/give_back: one changed row while the lease is ours; the attempt counts
UPDATE public.verification_jobs
SET
    state = 'pending',
    lease_owner = NULL,
    lease_token = NULL,
    lease_until = NULL,
    next_attempt_at = now() + make_interval(secs => $3)
WHERE id = $1
    AND lease_token = $2
