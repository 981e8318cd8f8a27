-- name: outputs/purge: one deleted row per output that nobody used for so long, at most $2 of them
DELETE FROM public.compiler_outputs
WHERE key IN (
        SELECT key
        FROM public.compiler_outputs
        WHERE used_at < now() - make_interval(secs => $1)
        LIMIT $2
    )
