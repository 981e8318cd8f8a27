-- name: jobs/delete_input: nothing; an ended job needs no input
DELETE FROM public.verification_job_inputs
WHERE id = $1
