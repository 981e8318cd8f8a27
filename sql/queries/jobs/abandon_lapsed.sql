-- name: jobs/abandon_lapsed: the jobs that nobody may lease any more, ended; whoever waits wakes
WITH hopeless AS MATERIALIZED (
    SELECT
        id,
        attempt,
        events,
        lease_until IS NOT NULL AS lease_expired
    FROM public.verification_jobs
    WHERE state IN ('pending', 'running')
        AND next_attempt_at <= now()
        AND attempt >= $1::int
        AND (lease_until IS NULL OR lease_until < now())
    -- More of them wait for the next sweep.
    LIMIT 100
    FOR UPDATE SKIP LOCKED
),

ended AS (
    UPDATE public.verification_jobs AS jobs
    SET
        state = 'failed',
        completed_at = now(),
        error_code = 'job_abandoned',
        error_id = gen_random_uuid(),
        -- How far its last worker had come when it was last heard of.
        error_data = jsonb_build_object(
            'attempts', hopeless.attempt,
            'stage', (
                SELECT latest.stage
                FROM public.verification_job_events AS latest
                WHERE latest.job_id = hopeless.id
                    AND latest.number = hopeless.events
            )
        ),
        lease_owner = NULL,
        lease_token = NULL,
        lease_until = NULL
    FROM hopeless
    WHERE jobs.id = hopeless.id
    RETURNING
        jobs.id,
        jobs.error_id,
        hopeless.lease_expired
),

no_inputs AS (
    DELETE FROM public.verification_job_inputs
    WHERE id = ANY (ARRAY(SELECT ended.id FROM ended))
)

SELECT
    ended.id,
    ended.error_id,
    ended.lease_expired,
    pg_notify('verification_job_ended', ended.id::text) AS notified
FROM ended
