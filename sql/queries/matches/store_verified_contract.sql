-- name: matches/store_verified_contract: the id of the pair, inserted or made better
INSERT INTO public.verified_contracts (
    deployment_id,
    compilation_id,
    creation_match,
    creation_transformations,
    creation_values,
    creation_metadata_match,
    runtime_match,
    runtime_transformations,
    runtime_values,
    runtime_metadata_match
)
VALUES ($1, $2, $5::boolean IS NOT NULL, $3, $4, $5, $8::boolean IS NOT NULL, $6, $7, $8)
ON CONFLICT (compilation_id, deployment_id) DO UPDATE
SET
    creation_match = excluded.creation_match,
    creation_transformations = excluded.creation_transformations,
    creation_values = excluded.creation_values,
    creation_metadata_match = excluded.creation_metadata_match,
    runtime_match = excluded.runtime_match,
    runtime_transformations = excluded.runtime_transformations,
    runtime_values = excluded.runtime_values,
    runtime_metadata_match = excluded.runtime_metadata_match
RETURNING id
