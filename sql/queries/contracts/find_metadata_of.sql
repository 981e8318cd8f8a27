-- name: contracts/find_metadata_of: the metadata of a match, if it still shows this verified contract
SELECT metadata::text AS metadata
FROM public.sourcify_matches
WHERE id = $1
    AND verified_contract_id = $2
