-- name: matches/get_compilation: the id of a compilation
SELECT id
FROM public.compiled_contracts
WHERE compiler = $1
    AND version = $2
    AND language = $3
    AND creation_code_hash = $4
    AND runtime_code_hash = $5
