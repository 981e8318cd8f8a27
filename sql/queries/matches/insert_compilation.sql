-- name: matches/insert_compilation: the id, or no row if this compilation is there
INSERT INTO public.compiled_contracts (
    compiler,
    version,
    language,
    name,
    fully_qualified_name,
    compiler_settings,
    compilation_artifacts,
    creation_code_hash,
    runtime_code_hash,
    creation_code_artifacts,
    runtime_code_artifacts,
    additional_input
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (compiler, version, language, creation_code_hash, runtime_code_hash) DO NOTHING
RETURNING id
