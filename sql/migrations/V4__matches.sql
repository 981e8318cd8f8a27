-- Which deployment matches which compilation, and the best match of each contract.

CREATE TABLE public.verified_contracts (
    id bigserial NOT NULL,
    deployment_id uuid NOT NULL,
    compilation_id uuid NOT NULL,
    creation_match boolean NOT NULL,
    creation_values jsonb,
    creation_transformations jsonb,
    creation_metadata_match boolean,
    runtime_match boolean NOT NULL,
    runtime_values jsonb,
    runtime_transformations jsonb,
    runtime_metadata_match boolean,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by varchar NOT NULL DEFAULT CURRENT_USER,
    updated_by varchar NOT NULL DEFAULT CURRENT_USER,

    CONSTRAINT verified_contracts_pkey PRIMARY KEY (id),
    CONSTRAINT verified_contracts_deployment_id_fkey
    FOREIGN KEY (deployment_id) REFERENCES public.contract_deployments (id),
    CONSTRAINT verified_contracts_compilation_id_fkey
    FOREIGN KEY (compilation_id) REFERENCES public.compiled_contracts (id),
    CONSTRAINT verified_contracts_are_pairs UNIQUE (compilation_id, deployment_id),
    CONSTRAINT verified_contracts_match CHECK (creation_match OR runtime_match),
    CONSTRAINT verified_contracts_creation_is_whole CHECK (
        pg_catalog.num_nonnulls(creation_values, creation_transformations, creation_metadata_match)
        = CASE WHEN creation_match THEN 3 ELSE 0 END
    ),
    CONSTRAINT verified_contracts_runtime_is_whole CHECK (
        pg_catalog.num_nonnulls(runtime_values, runtime_transformations, runtime_metadata_match)
        = CASE WHEN runtime_match THEN 3 ELSE 0 END
    ),
    CONSTRAINT verified_contracts_creation_values
    CHECK (creation_values IS NULL OR public.is_creation_values(creation_values)),
    CONSTRAINT verified_contracts_creation_transformations CHECK (
        creation_transformations IS NULL
        OR public.is_creation_transformations(creation_transformations)
    ),
    CONSTRAINT verified_contracts_runtime_values
    CHECK (runtime_values IS NULL OR public.is_runtime_values(runtime_values)),
    CONSTRAINT verified_contracts_runtime_transformations CHECK (
        runtime_transformations IS NULL
        OR public.is_runtime_transformations(runtime_transformations)
    )
);
COMMENT ON COLUMN public.verified_contracts.creation_metadata_match IS 'true: an exact match, the hash of the metadata included';
COMMENT ON COLUMN public.verified_contracts.runtime_metadata_match IS 'true: an exact match, the hash of the metadata included';

CREATE INDEX verified_contracts_deployment_id ON public.verified_contracts (deployment_id);
CREATE INDEX verified_contracts_compilation_id ON public.verified_contracts (compilation_id);
CREATE INDEX verified_contracts_created_at ON public.verified_contracts (created_at);

CREATE TRIGGER verified_contracts_keeps_audit_columns
BEFORE UPDATE ON public.verified_contracts
FOR EACH ROW EXECUTE FUNCTION public.keep_audit_columns();

-- Sourcify's table, with the contract's own name added: it makes a lookup one probe of an index, and
-- two improvements of one contract meet at a row that can be locked.
CREATE TABLE public.sourcify_matches (
    id bigserial NOT NULL,
    verified_contract_id bigint NOT NULL,
    creation_match varchar,
    runtime_match varchar,
    metadata json,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    chain_id bigint NOT NULL,
    address bytea NOT NULL,

    CONSTRAINT sourcify_matches_pkey PRIMARY KEY (id),
    CONSTRAINT sourcify_matches_verified_contract_id_key UNIQUE (verified_contract_id),
    CONSTRAINT sourcify_matches_verified_contract_id_fkey
    FOREIGN KEY (verified_contract_id) REFERENCES public.verified_contracts (id) ON DELETE RESTRICT,
    CONSTRAINT sourcify_matches_are_one_per_contract UNIQUE (chain_id, address),
    CONSTRAINT sourcify_matches_creation_match
    CHECK (creation_match IS NULL OR creation_match IN ('perfect', 'partial')),
    CONSTRAINT sourcify_matches_runtime_match
    CHECK (runtime_match IS NULL OR runtime_match IN ('perfect', 'partial')),
    CONSTRAINT sourcify_matches_match
    CHECK (pg_catalog.num_nonnulls(creation_match, runtime_match) > 0)
);
COMMENT ON COLUMN public.sourcify_matches.id IS 'The API''s matchId; kept when a match improves';
COMMENT ON COLUMN public.sourcify_matches.created_at IS 'The API''s verifiedAt; kept when a match improves';
COMMENT ON COLUMN public.sourcify_matches.metadata IS 'json, not jsonb: the hash is of the text, so order and spaces stay';

CREATE INDEX sourcify_matches_address ON public.sourcify_matches (address);
CREATE INDEX sourcify_matches_chain_id_id ON public.sourcify_matches (chain_id, id);
CREATE INDEX sourcify_matches_updated_at ON public.sourcify_matches (updated_at);
CREATE INDEX sourcify_matches_created_at ON public.sourcify_matches (created_at);

CREATE FUNCTION public.keep_match_dates() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.created_at := OLD.created_at;
    NEW.updated_at := pg_catalog.now();
    RETURN NEW;
END
$$;

CREATE TRIGGER sourcify_matches_keeps_dates
BEFORE UPDATE ON public.sourcify_matches
FOR EACH ROW EXECUTE FUNCTION public.keep_match_dates();

-- Chain and address repeat those of the deployment. Checked at the commit, and against the row as it
-- is then, so that the order of the statements before does not matter.
CREATE FUNCTION public.check_match_names_its_deployment() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM public.sourcify_matches AS m
        JOIN public.verified_contracts AS v ON v.id = m.verified_contract_id
        JOIN public.contract_deployments AS d ON d.id = v.deployment_id
        WHERE m.id = NEW.id AND (m.chain_id <> d.chain_id OR m.address <> d.address)
    ) THEN
        RAISE EXCEPTION 'match % names another contract than its deployment', NEW.id
        USING
            ERRCODE = 'check_violation',
            SCHEMA = 'public',
            TABLE = 'sourcify_matches',
            CONSTRAINT = 'sourcify_matches_name_their_deployment';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER sourcify_matches_name_their_deployment
AFTER INSERT OR UPDATE ON public.sourcify_matches
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION public.check_match_names_its_deployment();
