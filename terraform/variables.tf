# What each deployment says for itself, and secrets. Sizes and their reasons are in sizes.tf.

variable "project_id" {
  type        = string
  description = "The Google Cloud project, with a billing account."
}

variable "region" {
  type        = string
  description = "Where everything runs."
  default     = "europe-west1"
}

variable "environment" {
  type        = string
  description = "`production` is protected by rules that `staging` is not."
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment: staging or production."
  }
}

variable "domain" {
  type        = string
  description = "The public name of the API. Its A record has to point at the output `address`."
  validation {
    condition     = can(regex("^([a-z0-9-]+[.])+[a-z]{2,}$", var.domain))
    error_message = "domain: a host name in small letters, without a scheme or a path."
  }
}

variable "alert_emails" {
  type        = set(string)
  description = "Who is told when an alarm rings."
  validation {
    condition     = length(var.alert_emails) > 0
    error_message = "alert_emails: an alarm that nobody hears is none."
  }
}

variable "chains_file" {
  type        = string
  description = "Path of the chains file, in the format of sourcify-chains.json. Keys never stand in it."
  validation {
    condition     = can(keys(jsondecode(file(var.chains_file))))
    error_message = "chains_file: there is no such file, or it is no JSON object."
  }
  validation {
    condition     = try(length(jsonencode(jsondecode(file(var.chains_file)))), 0) <= 65536
    error_message = "chains_file: longer than 64 KiB without its spaces, which is what a secret holds. Leave chains out."
  }
}

variable "source_repository" {
  type        = object({ owner = string, name = string, branch = optional(string, "main") })
  description = "The repository on GitHub whose branch is built and deployed; it has to be connected to Cloud Build by hand. Null: no trigger."
  default     = null
}

variable "deletion_protection" {
  type        = bool
  description = "Whether services, the database and the bucket of compilers refuse to be deleted."
  default     = true
  validation {
    condition     = var.deletion_protection || var.environment != "production"
    error_message = "deletion_protection: nobody deletes production by mistake."
  }
}

variable "public_access" {
  type        = string
  description = "How the load balancer may call public-api: `all-users` gives allUsers the right, `unchecked` switches the check off, for organisations that forbid allUsers."
  default     = "all-users"
  validation {
    condition     = contains(["all-users", "unchecked"], var.public_access)
    error_message = "public_access: all-users or unchecked."
  }
}

# ---- secrets: the values are never in a plan or the state, so a number says when they have changed

variable "database_passwords" {
  type        = map(string)
  ephemeral   = true
  description = "Passwords of the database users public-api, internal-verifier and migrate."
  validation {
    condition = (
      toset(keys(var.database_passwords)) == toset(["internal-verifier", "migrate", "public-api"])
      && alltrue([for password in values(var.database_passwords) : length(password) >= 20])
    )
    error_message = "database_passwords: of public-api, internal-verifier and migrate, at least 20 characters each."
  }
}

variable "database_passwords_version" {
  type        = number
  description = "Raise it to make new passwords take effect."
}

variable "keys" {
  type = map(object({
    version = number
    readers = optional(set(string), ["internal-verifier", "public-api"])
  }))
  description = "Which API keys there are, by the setting that holds them: those that the chains file names, and ETHERSCAN_API_KEY. Raise a version to make a new value take effect."
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.keys) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "keys: names of environment variables, as in ALCHEMY_API_KEY."
  }
  validation {
    condition = alltrue([
      for key in values(var.keys) : length(setsubtract(key.readers, ["internal-verifier", "public-api"])) == 0
    ])
    error_message = "keys: the readers are internal-verifier and public-api, or one of them."
  }
}

variable "key_values" {
  type        = map(string)
  ephemeral   = true
  description = "The values of `keys`."
  default     = {}
  validation {
    condition     = toset(keys(var.key_values)) == toset(keys(var.keys))
    error_message = "key_values: a value for each of `keys`, and no other."
  }
}
