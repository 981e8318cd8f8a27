# The same in small, which may be deleted and made again.
environment         = "staging"
deletion_protection = false

public_api = { max_instances = 2 }
verifier   = { max_instances = 3 }

database = {
  tier         = "db-custom-1-3840"
  regional     = false
  disk_gib     = 10
  backups_kept = 7
}
