-- Fills a database as a service that has run for a while leaves it: as many verified contracts as the setting
-- `population.contracts` says, spread over three chains, each with codes, a compilation, two sources and five
-- signatures, and a job that ended; beside them some open jobs, failures and proxies.
--
-- Nothing refers to what is not there, so the triggers, which take most of the time, have nothing to check.
SET session_replication_role = replica;

CREATE TEMPORARY TABLE numbers AS
SELECT
    n,
    1 + n % 3 AS chain_id,
    decode(md5('a' || n) || left(md5('b' || n), 8), 'hex') AS address,
    decode(repeat(md5('c' || n), 40), 'hex') AS creation_code,
    decode(repeat(md5('r' || n), 36), 'hex') AS runtime_code,
    ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id
FROM generate_series(1, current_setting('population.contracts')::int) AS n;

INSERT INTO code (code_hash, code_hash_keccak, code)
SELECT sha256(creation_code), sha256(address || creation_code), creation_code FROM numbers
UNION ALL
SELECT sha256(runtime_code), sha256(address || runtime_code), runtime_code FROM numbers;

INSERT INTO contracts (id, creation_code_hash, runtime_code_hash)
SELECT id, sha256(creation_code), sha256(runtime_code) FROM numbers;

INSERT INTO contract_deployments (
    id, chain_id, address, transaction_hash, block_number, transaction_index, deployer, contract_id
)
SELECT id, chain_id, address, sha256(address), n, n % 100, address, id FROM numbers;

INSERT INTO compiled_contracts (
    id, compiler, version, language, name, fully_qualified_name, compiler_settings, compilation_artifacts,
    creation_code_hash, creation_code_artifacts, runtime_code_hash, runtime_code_artifacts
)
SELECT
    id,
    'solc',
    '0.8.30+commit.73712a01',
    'solidity',
    'Contract' || n,
    'src/Contract.sol:Contract' || n,
    '{"optimizer": {"enabled": true, "runs": 200}}',
    '{"abi": [], "sources": {}, "userdoc": {}, "devdoc": {}}',
    sha256(creation_code),
    '{"sourceMap": "1:2:3", "linkReferences": {}}',
    sha256(runtime_code),
    '{"sourceMap": "1:2:3", "linkReferences": {}, "immutableReferences": {}}'
FROM numbers;

CREATE TEMPORARY TABLE texts AS
SELECT n, id, 'contract Contract' || n || ' {} // ' || repeat(md5(n::text), 20) AS content FROM numbers;

INSERT INTO sources (source_hash, source_hash_keccak, content)
SELECT sha256(convert_to(content, 'UTF8')), sha256(convert_to(content || 'k', 'UTF8')), content FROM texts;

-- The second file of each is one that all others have too, as libraries are.
INSERT INTO compiled_contracts_sources (compilation_id, path, source_hash)
SELECT id, 'src/Contract.sol', sha256(convert_to(content, 'UTF8')) FROM texts
UNION ALL
SELECT texts.id, 'lib/Library.sol', sha256(convert_to(library.content, 'UTF8'))
FROM texts
CROSS JOIN (SELECT content FROM texts WHERE n = 1) AS library;

INSERT INTO signatures (signature_hash_32, signature)
SELECT sha256(convert_to('f' || n, 'UTF8')), 'f' || n || '(uint256)' FROM generate_series(0, 19999) AS n;

INSERT INTO compiled_contracts_signatures (compilation_id, signature_hash_32, signature_type)
SELECT id, sha256(convert_to('f' || (n * 7 + k * 3001) % 20000, 'UTF8')), 'function'
FROM numbers
CROSS JOIN generate_series(0, 4) AS k;

CREATE TEMPORARY TABLE verified AS
WITH inserted AS (
    INSERT INTO verified_contracts (
        deployment_id, compilation_id, creation_match, creation_values, creation_transformations,
        creation_metadata_match, runtime_match, runtime_values, runtime_transformations, runtime_metadata_match
    )
    SELECT id, id, true, '{}', '[]', n % 2 = 0, true, '{}', '[]', n % 2 = 0 FROM numbers ORDER BY n
    RETURNING id, deployment_id
)
SELECT inserted.id AS verified_id, numbers.* FROM inserted JOIN numbers ON numbers.id = inserted.deployment_id;

INSERT INTO sourcify_matches (verified_contract_id, chain_id, address, creation_match, runtime_match, metadata)
SELECT
    verified_id,
    chain_id,
    address,
    CASE WHEN n % 2 = 0 THEN 'perfect' ELSE 'partial' END,
    CASE WHEN n % 2 = 0 THEN 'perfect' ELSE 'partial' END,
    json_build_object('compiler', 'solc', 'padding', repeat(md5(n::text), 30))
FROM verified
ORDER BY n;

INSERT INTO verification_jobs (
    id, started_at, completed_at, chain_id, contract_address, verified_contract_id, verification_endpoint,
    compilation_time, state, attempt, input_bytes, events
)
SELECT
    id,
    now() - n * interval '10 s',
    now() - n * interval '10 s' + interval '2 s',
    chain_id,
    address,
    verified_id,
    '/v2/verify/' || chain_id,
    n % 4000,
    'succeeded',
    1,
    1000 + n % 5000,
    2
FROM verified;

INSERT INTO verification_job_events (job_id, number, stage, attempt, happened_at)
SELECT verified.id, number, 'queued', 1, now() - n * interval '1 s'
FROM verified
CROSS JOIN generate_series(1, 2) AS number
WHERE n % 4 = 0;

-- One in fifty also failed once, and one in a hundred is being verified again.
INSERT INTO verification_jobs (
    started_at, completed_at, chain_id, contract_address, error_code, error_id, verification_endpoint, state
)
SELECT now() - n * interval '1 min', now(), chain_id, address, 'no_match', gen_random_uuid(), '/v2/verify', 'failed'
FROM numbers
WHERE n % 50 = 0;

INSERT INTO verification_jobs_ephemeral (id, onchain_runtime_code)
SELECT id, '\x6080' FROM verification_jobs WHERE state = 'failed';

INSERT INTO verification_jobs (chain_id, contract_address, verification_endpoint, next_attempt_at)
SELECT chain_id, address, '/v2/verify', now() + n * interval '1 s' FROM numbers WHERE n % 30 = 0;

INSERT INTO verification_job_inputs (id, kind, input, client)
SELECT id, 'std_json', '{}', '203.0.113.0'::inet + (row_number() OVER () % 200)
FROM verification_jobs
WHERE state = 'pending';

INSERT INTO proxy_resolutions (chain_id, address, proxy_type, implementations)
SELECT chain_id, address, NULL, '[]' FROM numbers WHERE n % 10 = 0;

INSERT INTO compiler_outputs (key, output, used_at)
SELECT sha256(address), runtime_code, now() - n * interval '5 s' FROM numbers WHERE n % 5 = 0;

RESET session_replication_role;
DROP TABLE numbers, texts, verified;
ANALYZE;
