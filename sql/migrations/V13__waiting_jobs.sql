-- Calls wait in the table: a job without a free place is due at once, and whoever has a place takes the next.
COMMENT ON COLUMN public.verification_jobs.dispatches IS 'How often it was taken from the table to be called; its first call, if made at once, is not counted';
COMMENT ON COLUMN public.verification_jobs.next_attempt_at IS 'When the verifier may be called for it; lease_until while running';

-- The order in which they are taken: by age, but as if each client had sent its open jobs a minute apart.
ALTER TABLE public.verification_jobs ADD COLUMN turn bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN public.verification_jobs.turn IS 'Milliseconds since 1970; of several due jobs the lowest is called first. 0: of a program that does not know turns';
CREATE INDEX verification_jobs_turn
ON public.verification_jobs (turn, started_at)
WHERE state IN ('pending', 'running');

-- For the purge of old failures.
CREATE INDEX verification_jobs_failed
ON public.verification_jobs (completed_at)
WHERE state = 'failed';
