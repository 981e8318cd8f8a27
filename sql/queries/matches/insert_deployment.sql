-- name: matches/insert_deployment: the id, or no row if this deployment is there
INSERT INTO public.contract_deployments (
    chain_id,
    address,
    transaction_hash,
    block_number,
    transaction_index,
    deployer,
    contract_id
)
VALUES ($1, $2, $3, $4::text::numeric, $5::text::numeric, $6, $7)
ON CONFLICT (chain_id, address, transaction_hash, contract_id) DO NOTHING
RETURNING id
