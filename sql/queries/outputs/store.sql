-- name: outputs/store: nothing; the first output of a key stays
INSERT INTO public.compiler_outputs (key, output)
VALUES ($1, $2)
ON CONFLICT (key) DO NOTHING
