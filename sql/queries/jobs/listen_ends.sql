-- name: jobs/listen_ends: from now on, the id of each job that ends
LISTEN verification_job_ended
