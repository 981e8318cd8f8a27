-- Calls wait in the table: a job without a free place is due at once, and whoever has a place takes the next.
COMMENT ON COLUMN public.verification_jobs.dispatches IS 'How often it was taken from the table to be called; its first call, if made at once, is not counted';
COMMENT ON COLUMN public.verification_jobs.next_attempt_at IS 'When the verifier may be called for it; lease_until while running';

-- For the purge of old failures.
CREATE INDEX verification_jobs_failed
ON public.verification_jobs (completed_at)
WHERE state = 'failed';
