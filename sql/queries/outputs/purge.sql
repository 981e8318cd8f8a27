-- name: outputs/purge: one deleted row per output that nobody used for so long
DELETE FROM public.compiler_outputs
WHERE used_at < now() - make_interval(secs => $1)
