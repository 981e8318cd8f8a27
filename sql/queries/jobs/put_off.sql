-- name: jobs/put_off: one changed row for a job that waits, which is then due no earlier than so many seconds from now
UPDATE public.verification_jobs
SET next_attempt_at = greatest(next_attempt_at, now() + make_interval(secs => $2))
WHERE id = $1
    AND state = 'pending'
