-- name: jobs/heartbeat: one changed row while the lease is ours
UPDATE public.verification_jobs
SET
    lease_until = now() + make_interval(secs => $3),
    next_attempt_at = now() + make_interval(secs => $3)
WHERE id = $1
    AND lease_token = $2
