-- Codes and where they are deployed. Names and meaning follow the Verifier Alliance, so that its
-- exports load and its queries run; the checks are ours.
--
-- Hashes, addresses and codes are bytea. Functions are schema-qualified and have bodies that are
-- parsed when they are made, because a restore runs with an empty search path.

-- created_* never change after the insert, updated_* follow every update. On insert both have their
-- defaults and nothing more, so that an import keeps the dates of its rows.
CREATE FUNCTION public.keep_audit_columns() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.created_at := OLD.created_at;
    NEW.created_by := OLD.created_by;
    NEW.updated_at := pg_catalog.now();
    NEW.updated_by := CURRENT_USER;
    RETURN NEW;
END
$$;

CREATE TABLE public.code (
    code_hash bytea NOT NULL,
    code_hash_keccak bytea NOT NULL,
    code bytea,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by varchar NOT NULL DEFAULT CURRENT_USER,
    updated_by varchar NOT NULL DEFAULT CURRENT_USER,

    CONSTRAINT code_pkey PRIMARY KEY (code_hash),
    CONSTRAINT code_hash_is_sha256 CHECK (
        CASE
            WHEN code IS NULL THEN code_hash = ''::bytea
            ELSE code_hash = pg_catalog.sha256(code)
        END
    ),
    CONSTRAINT code_hash_keccak_is_32_bytes CHECK (
        pg_catalog.octet_length(code_hash_keccak) = CASE WHEN code IS NULL THEN 0 ELSE 32 END
    )
);
COMMENT ON COLUMN public.code.code_hash IS 'sha256 of the code; empty in the one row that means "unknown"';
COMMENT ON COLUMN public.code.code IS 'NULL only in the row that means "unknown"';

CREATE INDEX code_code_hash_keccak ON public.code (code_hash_keccak);
CREATE INDEX code_created_at ON public.code (created_at);
-- For similarity. It only helps a query that repeats this very expression.
CREATE INDEX code_first_75_bytes ON public.code (pg_catalog.substring(code, 1, 75));

CREATE TRIGGER code_keeps_audit_columns
BEFORE UPDATE ON public.code
FOR EACH ROW EXECUTE FUNCTION public.keep_audit_columns();

CREATE TABLE public.contracts (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    creation_code_hash bytea,
    runtime_code_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by varchar NOT NULL DEFAULT CURRENT_USER,
    updated_by varchar NOT NULL DEFAULT CURRENT_USER,

    CONSTRAINT contracts_pkey PRIMARY KEY (id),
    CONSTRAINT contracts_creation_code_hash_fkey
    FOREIGN KEY (creation_code_hash) REFERENCES public.code (code_hash),
    CONSTRAINT contracts_runtime_code_hash_fkey
    FOREIGN KEY (runtime_code_hash) REFERENCES public.code (code_hash),
    -- With distinct NULLs each verification of a runtime code alone would add another row.
    CONSTRAINT contracts_are_pairs_of_codes
    UNIQUE NULLS NOT DISTINCT (creation_code_hash, runtime_code_hash)
);
COMMENT ON COLUMN public.contracts.creation_code_hash IS 'NULL: the creation code is unknown';

CREATE INDEX contracts_creation_code_hash ON public.contracts (creation_code_hash);
CREATE INDEX contracts_runtime_code_hash ON public.contracts (runtime_code_hash);
CREATE INDEX contracts_created_at ON public.contracts (created_at);

CREATE TRIGGER contracts_keeps_audit_columns
BEFORE UPDATE ON public.contracts
FOR EACH ROW EXECUTE FUNCTION public.keep_audit_columns();

CREATE TABLE public.contract_deployments (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    chain_id bigint NOT NULL,
    address bytea NOT NULL,
    transaction_hash bytea,
    block_number numeric,
    transaction_index numeric,
    deployer bytea,
    contract_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by varchar NOT NULL DEFAULT CURRENT_USER,
    updated_by varchar NOT NULL DEFAULT CURRENT_USER,

    CONSTRAINT contract_deployments_pkey PRIMARY KEY (id),
    CONSTRAINT contract_deployments_contract_id_fkey
    FOREIGN KEY (contract_id) REFERENCES public.contracts (id),
    CONSTRAINT contract_deployments_are_unique
    UNIQUE NULLS NOT DISTINCT (chain_id, address, transaction_hash, contract_id),
    CONSTRAINT contract_deployments_chain_id CHECK (chain_id > 0),
    CONSTRAINT contract_deployments_address CHECK (pg_catalog.octet_length(address) = 20),
    CONSTRAINT contract_deployments_transaction_hash
    CHECK (transaction_hash IS NULL OR pg_catalog.octet_length(transaction_hash) = 32),
    CONSTRAINT contract_deployments_deployer
    CHECK (deployer IS NULL OR pg_catalog.octet_length(deployer) = 20),
    CONSTRAINT contract_deployments_block_number CHECK (
        block_number IS NULL OR (block_number >= -1 AND pg_catalog.trunc(block_number) = block_number)
    ),
    CONSTRAINT contract_deployments_transaction_index CHECK (
        transaction_index IS NULL
        OR (transaction_index >= -1 AND pg_catalog.trunc(transaction_index) = transaction_index)
    ),
    -- A rejected transaction must not leave its block or deployer behind.
    CONSTRAINT contract_deployments_facts_belong_to_a_transaction CHECK (
        transaction_hash IS NOT NULL
        OR pg_catalog.num_nonnulls(block_number, transaction_index, deployer) = 0
    )
);
COMMENT ON COLUMN public.contract_deployments.transaction_hash IS 'NULL: unknown, and then the three others are too';
COMMENT ON COLUMN public.contract_deployments.block_number IS '-1 for the genesis block in data of the Verifier Alliance';

CREATE INDEX contract_deployments_by_address ON public.contract_deployments (address);
CREATE INDEX contract_deployments_by_chain_id ON public.contract_deployments (chain_id);
CREATE INDEX contract_deployments_contract_id ON public.contract_deployments (contract_id);
CREATE INDEX contract_deployments_created_at ON public.contract_deployments (created_at);

CREATE TRIGGER contract_deployments_keeps_audit_columns
BEFORE UPDATE ON public.contract_deployments
FOR EACH ROW EXECUTE FUNCTION public.keep_audit_columns();
