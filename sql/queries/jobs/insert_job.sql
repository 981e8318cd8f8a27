-- name: jobs/insert_job: the id, or no row if the contract has an open job
WITH accepted AS (
    INSERT INTO public.verification_jobs (
        id,
        chain_id,
        contract_address,
        verification_endpoint,
        traceparent,
        next_attempt_at,
        input_bytes,
        events
    )
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7, 1)
    ON CONFLICT (chain_id, contract_address) WHERE completed_at IS NULL DO NOTHING
    RETURNING
        id,
        events,
        attempt
),

queued AS (
    INSERT INTO public.verification_job_events (job_id, number, stage, attempt)
    SELECT
        id,
        events,
        'queued',
        attempt
    FROM accepted
)

SELECT id
FROM accepted
