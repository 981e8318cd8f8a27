-- name: jobs/listen_progress: from now on, the id of each job that reaches another stage
LISTEN verification_job_progressed
