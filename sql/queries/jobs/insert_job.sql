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
        -- A client's turn comes once after each turn it has; whoever has none takes part at once.
        coalesce(
            greatest(
                (
                    SELECT max(open.turn) + 1
                    FROM public.verification_job_inputs AS inputs
                    INNER JOIN public.verification_jobs AS open ON open.id = inputs.id
                    WHERE inputs.client = $8
                ),
                (
                    SELECT min(open.turn)
                    FROM public.verification_jobs AS open
                    WHERE open.state IN ('pending', 'running')
                )
            ),
            0
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
