-- name: jobs/lock: the id, locked until the transaction ends, while the lease is ours
SELECT id
FROM public.verification_jobs
WHERE id = $1
    AND lease_token = $2
FOR UPDATE
