-- name: outputs/store: nothing; the last output of a key stays, so that a damaged one doesn't
INSERT INTO public.compiler_outputs (key, output)
VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE
SET
    output = excluded.output,
    used_at = now()
