-- name: jobs/insert_job: the id, or no row if the contract has an open job
INSERT INTO public.verification_jobs (
    id,
    chain_id,
    contract_address,
    verification_endpoint,
    traceparent,
    next_attempt_at
)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
ON CONFLICT (chain_id, contract_address) WHERE completed_at IS NULL DO NOTHING
RETURNING id
