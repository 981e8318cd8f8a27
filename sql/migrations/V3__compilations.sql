-- What compilers made of which sources.

CREATE TABLE public.compiled_contracts (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    compiler varchar NOT NULL,
    version varchar NOT NULL,
    language varchar NOT NULL,
    name varchar NOT NULL,
    fully_qualified_name varchar NOT NULL,
    compiler_settings jsonb NOT NULL,
    compilation_artifacts jsonb NOT NULL,
    creation_code_hash bytea NOT NULL,
    creation_code_artifacts jsonb NOT NULL,
    runtime_code_hash bytea NOT NULL,
    runtime_code_artifacts jsonb NOT NULL,
    additional_input jsonb,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by varchar NOT NULL DEFAULT CURRENT_USER,
    updated_by varchar NOT NULL DEFAULT CURRENT_USER,

    CONSTRAINT compiled_contracts_pkey PRIMARY KEY (id),
    CONSTRAINT compiled_contracts_creation_code_hash_fkey
    FOREIGN KEY (creation_code_hash) REFERENCES public.code (code_hash),
    CONSTRAINT compiled_contracts_runtime_code_hash_fkey
    FOREIGN KEY (runtime_code_hash) REFERENCES public.code (code_hash),
    -- Code without a metadata hash has one row, however many sets of sources give it.
    CONSTRAINT compiled_contracts_are_unique
    UNIQUE (compiler, version, language, creation_code_hash, runtime_code_hash),
    CONSTRAINT compiled_contracts_compilation_artifacts
    CHECK (public.is_compilation_artifacts(compilation_artifacts)),
    CONSTRAINT compiled_contracts_creation_code_artifacts
    CHECK (public.is_creation_code_artifacts(creation_code_artifacts)),
    CONSTRAINT compiled_contracts_runtime_code_artifacts
    CHECK (public.is_runtime_code_artifacts(runtime_code_artifacts)),
    CONSTRAINT compiled_contracts_immutable_references_are_soliditys CHECK (
        language = 'solidity'
        OR public.json_is_null(runtime_code_artifacts -> 'immutableReferences')
    ),
    CONSTRAINT compiled_contracts_additional_input CHECK (
        additional_input IS NULL
        OR public.json_has_keys(additional_input, '{}', '{storage_layout_overrides}')
    )
);
COMMENT ON COLUMN public.compiled_contracts.compiler IS 'solc, vyper, fe';
COMMENT ON COLUMN public.compiled_contracts.version IS 'As in 0.8.30+commit.73712a01, without a v';
COMMENT ON COLUMN public.compiled_contracts.language IS 'Lower case: solidity, yul, vyper, fe';
COMMENT ON COLUMN public.compiled_contracts.fully_qualified_name IS 'As in src/C.sol:C';
COMMENT ON COLUMN public.compiled_contracts.compiler_settings IS 'As compiled, without outputSelection';
COMMENT ON COLUMN public.compiled_contracts.creation_code_hash IS 'Of the recompiled code: library placeholders are 20 zero bytes, immutables are zeros';

CREATE INDEX compiled_contracts_creation_code_hash ON public.compiled_contracts (creation_code_hash);
CREATE INDEX compiled_contracts_runtime_code_hash ON public.compiled_contracts (runtime_code_hash);
CREATE INDEX compiled_contracts_created_at ON public.compiled_contracts (created_at);

CREATE TRIGGER compiled_contracts_keeps_audit_columns
BEFORE UPDATE ON public.compiled_contracts
FOR EACH ROW EXECUTE FUNCTION public.keep_audit_columns();

CREATE TABLE public.sources (
    source_hash bytea NOT NULL,
    source_hash_keccak bytea NOT NULL,
    content varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by varchar NOT NULL DEFAULT CURRENT_USER,
    updated_by varchar NOT NULL DEFAULT CURRENT_USER,

    CONSTRAINT sources_pkey PRIMARY KEY (source_hash),
    CONSTRAINT sources_hash_is_sha256
    CHECK (source_hash = pg_catalog.sha256(pg_catalog.convert_to(content, 'UTF8'))),
    CONSTRAINT sources_hash_keccak_is_32_bytes
    CHECK (pg_catalog.octet_length(source_hash_keccak) = 32)
);

CREATE INDEX sources_created_at ON public.sources (created_at);

CREATE TRIGGER sources_keeps_audit_columns
BEFORE UPDATE ON public.sources
FOR EACH ROW EXECUTE FUNCTION public.keep_audit_columns();

CREATE TABLE public.compiled_contracts_sources (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    compilation_id uuid NOT NULL,
    source_hash bytea NOT NULL,
    path varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT compiled_contracts_sources_pkey PRIMARY KEY (id),
    CONSTRAINT compiled_contracts_sources_compilation_id_fkey
    FOREIGN KEY (compilation_id) REFERENCES public.compiled_contracts (id),
    CONSTRAINT compiled_contracts_sources_source_hash_fkey
    FOREIGN KEY (source_hash) REFERENCES public.sources (source_hash),
    CONSTRAINT compiled_contracts_sources_have_one_path UNIQUE (compilation_id, path)
);

CREATE INDEX compiled_contracts_sources_source_hash ON public.compiled_contracts_sources (source_hash);
CREATE INDEX compiled_contracts_sources_compilation_id
ON public.compiled_contracts_sources (compilation_id);
CREATE INDEX compiled_contracts_sources_created_at ON public.compiled_contracts_sources (created_at);

CREATE TYPE public.signature_type_enum AS ENUM ('function', 'event', 'error');

-- The trigram index on the text belongs to the search and comes with it: pg_trgm is an extension, and
-- nothing here needs one.
CREATE TABLE public.signatures (
    signature_hash_32 bytea NOT NULL,
    signature_hash_4 bytea NOT NULL
    GENERATED ALWAYS AS (pg_catalog.substring(signature_hash_32, 1, 4)) STORED,
    signature varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT signatures_pkey PRIMARY KEY (signature_hash_32),
    CONSTRAINT signatures_hash_is_32_bytes CHECK (pg_catalog.octet_length(signature_hash_32) = 32)
);
COMMENT ON COLUMN public.signatures.signature IS 'The canonical one of the ABI, as in transfer(address,uint256)';
COMMENT ON COLUMN public.signatures.signature_hash_32 IS 'keccak256 of the signature';

CREATE INDEX signatures_signature_hash_4 ON public.signatures (signature_hash_4);
CREATE INDEX signatures_created_at ON public.signatures (created_at);

CREATE TABLE public.compiled_contracts_signatures (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    compilation_id uuid NOT NULL,
    signature_hash_32 bytea NOT NULL,
    signature_type public.signature_type_enum NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),

    CONSTRAINT compiled_contracts_signatures_pkey PRIMARY KEY (id),
    CONSTRAINT compiled_contracts_signatures_compilation_id_fkey
    FOREIGN KEY (compilation_id) REFERENCES public.compiled_contracts (id),
    CONSTRAINT compiled_contracts_signatures_signature_hash_32_fkey
    FOREIGN KEY (signature_hash_32) REFERENCES public.signatures (signature_hash_32),
    CONSTRAINT compiled_contracts_signatures_are_unique
    UNIQUE (compilation_id, signature_hash_32, signature_type)
);

CREATE INDEX compiled_contracts_signatures_signature_hash_32
ON public.compiled_contracts_signatures (signature_hash_32);
CREATE INDEX compiled_contracts_signatures_by_type
ON public.compiled_contracts_signatures (signature_type, signature_hash_32);
CREATE INDEX compiled_contracts_signatures_created_at
ON public.compiled_contracts_signatures (created_at);
