-- name: jobs/how_it_ended: what tells a worker whether its commit happened
SELECT
    lease_token,
    attempt,
    verified_contract_id,
    error_id
FROM public.verification_jobs
WHERE id = $1
