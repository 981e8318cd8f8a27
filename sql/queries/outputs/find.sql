-- name: outputs/find: the output of a key, or nothing; notes once a day that it is used
WITH touched AS (
    UPDATE public.compiler_outputs
    SET used_at = now()
    WHERE key = $1
        AND used_at < now() - interval '1 day'
)
SELECT output
FROM public.compiler_outputs
WHERE key = $1
