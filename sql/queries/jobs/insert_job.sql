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
        events,
        turn
    )
    SELECT
        $1,
        $2,
        $3,
        $4,
        $5,
        now() + make_interval(secs => $6),
        $7,
        1,
        -- Its time, or as much after the client's last as a place may need for one job.
        greatest(
            (extract(EPOCH FROM now()) * 1000)::bigint,
            (
                SELECT max(open.turn) + 60000
                FROM public.verification_job_inputs AS inputs
                INNER JOIN public.verification_jobs AS open ON open.id = inputs.id
                WHERE inputs.client = $8
            )
        )
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
