-- name: contracts/get_compilation: a compilation without its lists
SELECT
    compiler,
    version,
    language,
    name,
    fully_qualified_name,
    compiler_settings,
    compilation_artifacts,
    creation_code_artifacts,
    runtime_code_artifacts,
    additional_input
FROM public.compiled_contracts
WHERE id = $1
