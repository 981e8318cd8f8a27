# A deployment that does not exist, for the checks. The word MARKED must not turn up in a plan or the state.
project_id   = "demo-project"
domain       = "verify.example.org"
alert_emails = ["on-call@example.org"]
chains_file  = "tests/chains.json"

source_repository = { owner = "example", name = "sourcerun" }

database_passwords_version = 1
database_passwords = {
  public-api        = "MARKED-password-of-public-api"
  internal-verifier = "MARKED-password-of-internal-verifier"
  migrate           = "MARKED-password-of-migrate"
}

keys = {
  NODE_API_KEY      = { version = 1 }
  ETHERSCAN_API_KEY = { version = 1, readers = ["public-api"] }
}
key_values = {
  NODE_API_KEY      = "MARKED-key-of-a-node"
  ETHERSCAN_API_KEY = "MARKED-key-of-an-explorer"
}
