-- name: jobs/lease: the job with a new lease and its input, or no row if there is nothing to take
WITH leased AS (
    UPDATE public.verification_jobs
    SET
        state = 'running',
        attempt = attempt + 1,
        events = events + 1,
        lease_token = gen_random_uuid(),
        lease_owner = $2,
        hardware = $3,
        lease_until = now() + make_interval(secs => $4),
        next_attempt_at = now() + make_interval(secs => $4)
    WHERE id = $1
        AND attempt < $5::int
        AND (state = 'pending' OR (state = 'running' AND lease_until < now()))
    RETURNING
        id,
        events,
        lease_token,
        attempt,
        chain_id,
        contract_address,
        verification_endpoint,
        traceparent,
        -- Nothing but its acceptance has happened to it before.
        CASE WHEN events <= 2 THEN extract(EPOCH FROM now() - started_at)::float8 END AS waited_seconds
),

started AS (
    INSERT INTO public.verification_job_events (job_id, number, stage, attempt)
    SELECT
        id,
        events,
        'started',
        attempt
    FROM leased
)

SELECT
    leased.lease_token,
    leased.attempt,
    leased.chain_id,
    leased.contract_address,
    leased.verification_endpoint,
    leased.traceparent,
    leased.waited_seconds,
    inputs.kind,
    inputs.input,
    pg_notify('verification_job_progressed', leased.id::text) AS announced
FROM leased
-- A job without its input is a fault of this attempt; it must not wait for ever.
LEFT JOIN public.verification_job_inputs AS inputs ON inputs.id = leased.id
