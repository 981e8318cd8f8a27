-- name: jobs/find_job: the job with what belongs to its end: its result, or the evidence
SELECT
    jobs.state,
    jobs.chain_id,
    jobs.contract_address,
    jobs.started_at,
    jobs.completed_at,
    jobs.attempt,
    jobs.input_bytes,
    extract(EPOCH FROM now() - jobs.started_at)::float8 AS age_seconds,
    latest.stage,
    jobs.compilation_time,
    jobs.error_code,
    jobs.error_id,
    jobs.error_data,
    jobs.creation_match,
    jobs.runtime_match,
    verified.creation_metadata_match,
    verified.runtime_metadata_match,
    matches.id AS match_id,
    matches.created_at AS verified_at,
    evidence.recompiled_creation_code,
    evidence.recompiled_runtime_code,
    evidence.onchain_creation_code,
    evidence.onchain_runtime_code,
    evidence.creation_transaction_hash
FROM public.verification_jobs AS jobs
LEFT JOIN public.verified_contracts AS verified
    ON verified.id = jobs.verified_contract_id
LEFT JOIN public.sourcify_matches AS matches
    ON matches.chain_id = jobs.chain_id
    AND matches.address = jobs.contract_address
LEFT JOIN public.verification_jobs_ephemeral AS evidence
    ON evidence.id = jobs.id
LEFT JOIN public.verification_job_events AS latest
    ON latest.job_id = jobs.id
    AND latest.number = jobs.events
WHERE jobs.id = $1
