-- How far a verification is, as numbered events from its acceptance on.
--
-- Its end is no row here: the ended job is its own last event, and has the number after these. So there
-- is exactly one end, whoever writes it, also a program that is older than this table.

-- The columns are new: nobody needs to read the table to see that its rows keep the rules.
ALTER TABLE public.verification_jobs
ADD COLUMN events int NOT NULL DEFAULT 0,
ADD COLUMN input_bytes bigint,
ADD CONSTRAINT verification_jobs_events CHECK (events >= 0) NOT VALID,
ADD CONSTRAINT verification_jobs_input_bytes CHECK (input_bytes >= 0) NOT VALID;
COMMENT ON COLUMN public.verification_jobs.events IS
'Number of the last event before the end; kept when the events are purged';
COMMENT ON COLUMN public.verification_jobs.input_bytes IS
'Size of the accepted request; NULL for jobs of older programs';

CREATE TABLE public.verification_job_events (
    job_id uuid NOT NULL,
    number int NOT NULL,
    stage text NOT NULL,
    attempt smallint NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT verification_job_events_pkey PRIMARY KEY (job_id, number),
    CONSTRAINT verification_job_events_job_id_fkey
    FOREIGN KEY (job_id) REFERENCES public.verification_jobs (id) ON DELETE CASCADE,
    CONSTRAINT verification_job_events_number CHECK (number >= 1),
    CONSTRAINT verification_job_events_attempt CHECK (attempt >= 0),
    CONSTRAINT verification_job_events_stage CHECK (
        stage IN (
            'queued',
            'started',
            'fetching_sources',
            'preparing_compiler',
            'compiling',
            'reading_chain',
            'comparing',
            'storing'
        )
    )
);
COMMENT ON COLUMN public.verification_job_events.attempt IS 'Attempts begun by then, without those given up uncounted';

-- For the purge.
CREATE INDEX verification_job_events_happened_at ON public.verification_job_events (happened_at);

-- What recent jobs took, for the estimate of others.
CREATE INDEX verification_jobs_recent
ON public.verification_jobs (completed_at DESC)
WHERE completed_at IS NOT NULL AND input_bytes IS NOT NULL;
