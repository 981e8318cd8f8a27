-- name: jobs/insert_input: nothing; keeps what the job's attempts need
INSERT INTO public.verification_job_inputs (id, kind, input, client)
VALUES ($1, $2, $3, $4)
