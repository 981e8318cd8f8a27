-- name: jobs/exists: the id, if there is such a job
SELECT id
FROM public.verification_jobs
WHERE id = $1
