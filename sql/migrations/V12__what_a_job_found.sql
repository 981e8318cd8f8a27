-- What a job found, beside the match that it led to: that one can become better by another job, in its place.
ALTER TABLE public.verification_jobs
ADD COLUMN creation_match varchar,
ADD COLUMN runtime_match varchar,
ADD CONSTRAINT verification_jobs_creation_match
CHECK (creation_match IN ('perfect', 'partial')) NOT VALID,
ADD CONSTRAINT verification_jobs_runtime_match
CHECK (runtime_match IN ('perfect', 'partial')) NOT VALID;
COMMENT ON COLUMN public.verification_jobs.creation_match IS
'perfect, partial or NULL; both NULL for a success of an older program';
