-- name: jobs/is_open: a row if the contract has an open job
SELECT id
FROM public.verification_jobs
WHERE chain_id = $1
    AND contract_address = $2
    AND completed_at IS NULL
