-- The users of an empty database, and who owns it: what Terraform does in the cloud. `migrate` gives the other two
-- exactly what they need (PUBLIC_ROLE and VERIFIER_ROLE).
-- Postgres's image runs this once, as its superuser, when the volume is new.

\set ON_ERROR_STOP on
\getenv migrate_password MIGRATE_PASSWORD
\getenv public_api_password PUBLIC_API_PASSWORD
\getenv verifier_password VERIFIER_PASSWORD

CREATE ROLE migrate LOGIN PASSWORD :'migrate_password';
CREATE ROLE "public-api" LOGIN PASSWORD :'public_api_password';
CREATE ROLE "internal-verifier" LOGIN PASSWORD :'verifier_password';
-- Migrations make objects in the schema `public`, which is the database owner's.
ALTER DATABASE sourcerun OWNER TO migrate;
REVOKE CONNECT, TEMPORARY ON DATABASE sourcerun FROM PUBLIC;
GRANT CONNECT ON DATABASE sourcerun TO "public-api", "internal-verifier";
