-- Who has how many open jobs. The input goes when the job ends, and with it the address of its client:
-- nothing of it is kept.
ALTER TABLE public.verification_job_inputs ADD COLUMN client inet;
COMMENT ON COLUMN public.verification_job_inputs.client IS 'IPv4 address or IPv6 /64 network that sent the request; NULL: not known';

CREATE INDEX verification_job_inputs_client ON public.verification_job_inputs (client);
