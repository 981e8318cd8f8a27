-- The life of a verification. The row is the truth; a call to the verifier is only a hint.

CREATE TABLE public.verification_jobs (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    completed_at timestamptz,
    chain_id bigint NOT NULL,
    contract_address bytea NOT NULL,
    verified_contract_id bigint,
    error_code varchar,
    error_id uuid,
    error_data json,
    verification_endpoint varchar NOT NULL,
    hardware varchar,
    compilation_time bigint,
    external_verification jsonb,
    state text NOT NULL DEFAULT 'pending',
    attempt smallint NOT NULL DEFAULT 0,
    dispatches int NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT pg_catalog.now() + interval '60 s',
    lease_owner text,
    lease_token uuid,
    lease_until timestamptz,
    traceparent text,

    CONSTRAINT verification_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT verification_jobs_verified_contract_id_fkey
    FOREIGN KEY (verified_contract_id) REFERENCES public.verified_contracts (id) ON DELETE RESTRICT,
    CONSTRAINT verification_jobs_chain_id CHECK (chain_id > 0),
    CONSTRAINT verification_jobs_contract_address
    CHECK (pg_catalog.octet_length(contract_address) = 20),
    CONSTRAINT verification_jobs_attempt CHECK (attempt >= 0),
    CONSTRAINT verification_jobs_dispatches CHECK (dispatches >= 0),
    CONSTRAINT verification_jobs_compilation_time CHECK (compilation_time >= 0),
    -- Each state has its columns, all of them and no others.
    CONSTRAINT verification_jobs_lease_while_running CHECK (
        pg_catalog.num_nonnulls(lease_owner, lease_token, lease_until)
        = CASE WHEN state = 'running' THEN 3 ELSE 0 END
    ),
    CONSTRAINT verification_jobs_state CHECK (
        CASE state
            WHEN 'pending' THEN
                pg_catalog.num_nonnulls(completed_at, verified_contract_id, error_code, error_id) = 0
            WHEN 'running' THEN
                pg_catalog.num_nonnulls(completed_at, verified_contract_id, error_code, error_id) = 0
                AND attempt >= 1
            WHEN 'succeeded' THEN
                pg_catalog.num_nonnulls(completed_at, verified_contract_id) = 2
                AND pg_catalog.num_nonnulls(error_code, error_id) = 0
            WHEN 'failed' THEN
                pg_catalog.num_nonnulls(completed_at, error_code, error_id) = 3
                AND verified_contract_id IS NULL
            ELSE false
        END
    )
);
COMMENT ON COLUMN public.verification_jobs.id IS 'The API''s verificationId';
COMMENT ON COLUMN public.verification_jobs.started_at IS 'Acceptance';
COMMENT ON COLUMN public.verification_jobs.error_code IS 'The API''s customCode';
COMMENT ON COLUMN public.verification_jobs.error_data IS 'What the message is made of; without chain and address';
COMMENT ON COLUMN public.verification_jobs.verification_endpoint IS 'Path of the request';
COMMENT ON COLUMN public.verification_jobs.hardware IS 'cloud_run:<revision> or unknown';
COMMENT ON COLUMN public.verification_jobs.compilation_time IS 'Milliseconds';
COMMENT ON COLUMN public.verification_jobs.external_verification IS 'Sourcify''s; always NULL with us';
COMMENT ON COLUMN public.verification_jobs.attempt IS 'Leases taken; giving up counts these';
COMMENT ON COLUMN public.verification_jobs.dispatches IS 'Calls made by the sweep; its backoff counts these';
COMMENT ON COLUMN public.verification_jobs.next_attempt_at IS 'When the sweep may call the verifier; lease_until while running';
COMMENT ON COLUMN public.verification_jobs.lease_token IS 'New with each lease; every write of the worker names it';
COMMENT ON COLUMN public.verification_jobs.traceparent IS 'Of the accepting request';

CREATE INDEX verification_jobs_contract ON public.verification_jobs (chain_id, contract_address);
-- One open job per contract: the insert that loses is the duplicate.
CREATE UNIQUE INDEX verification_jobs_one_open_per_contract
ON public.verification_jobs (chain_id, contract_address)
WHERE completed_at IS NULL;
CREATE INDEX verification_jobs_due
ON public.verification_jobs (next_attempt_at)
WHERE state IN ('pending', 'running');

-- What makes an attempt repeatable by another instance: the checked request, without API keys.
-- Inserted with the job, deleted with its end.
CREATE TABLE public.verification_job_inputs (
    id uuid NOT NULL,
    kind text NOT NULL,
    input jsonb NOT NULL,

    CONSTRAINT verification_job_inputs_pkey PRIMARY KEY (id),
    CONSTRAINT verification_job_inputs_id_fkey
    FOREIGN KEY (id) REFERENCES public.verification_jobs (id) ON DELETE CASCADE,
    CONSTRAINT verification_job_inputs_kind
    CHECK (kind IN ('std_json', 'metadata', 'etherscan', 'similarity'))
);

-- What a failed job shows of the codes, until it is purged.
CREATE TABLE public.verification_jobs_ephemeral (
    id uuid NOT NULL,
    recompiled_creation_code bytea,
    recompiled_runtime_code bytea,
    onchain_creation_code bytea,
    onchain_runtime_code bytea,
    creation_transaction_hash bytea,

    CONSTRAINT verification_jobs_ephemeral_pkey PRIMARY KEY (id),
    CONSTRAINT verification_jobs_ephemeral_id_fkey
    FOREIGN KEY (id) REFERENCES public.verification_jobs (id) ON DELETE CASCADE,
    CONSTRAINT verification_jobs_ephemeral_creation_transaction_hash CHECK (
        creation_transaction_hash IS NULL
        OR pg_catalog.octet_length(creation_transaction_hash) = 32
    )
);
