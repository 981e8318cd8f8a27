-- name: jobs/insert_evidence: nothing; keeps what was known of a failed job
INSERT INTO public.verification_jobs_ephemeral (
    id,
    recompiled_creation_code,
    recompiled_runtime_code,
    onchain_creation_code,
    onchain_runtime_code,
    creation_transaction_hash
)
VALUES ($1, $2, $3, $4, $5, $6)
