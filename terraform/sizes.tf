# How large everything may grow. What depends on one another is computed in settings.tf, not said twice.

variable "public_api" {
  type = object({
    # Its own sweep finds what was lost; with none up, only the scheduler does, once a minute.
    min_instances = optional(number, 1)
    # Each instance does a few thousand reads a second. The limit is there for the database's connections.
    max_instances = optional(number, 10)
    # Requests wait for Postgres, not for the processor.
    concurrency = optional(number, 80)
    # Dispatch goes on after the answer, so the processor is there without requests, too: that takes one vCPU and 512 MiB.
    cpu        = optional(number, 1)
    memory_mib = optional(number, 512)
    # Bodies take a minute at most to arrive; streams of events are cut, and their clients come back.
    timeout_s = optional(number, 300)
    # Of the pool; a further one listens for the ends of jobs.
    database_connections = optional(number, 4)
  })
  description = "Size and autoscaling of public-api."
  default     = {}
  validation {
    condition     = var.public_api.min_instances >= 1 && var.public_api.max_instances >= var.public_api.min_instances
    error_message = "public_api: at least one instance, for the sweep inside it, and at most max_instances."
  }
  validation {
    condition     = var.public_api.cpu >= 1 && var.public_api.memory_mib >= 512
    error_message = "public_api: a processor that is there without requests takes at least 1 vCPU and 512 MiB."
  }
  validation {
    condition     = var.public_api.concurrency >= 2 && var.public_api.concurrency <= 1000
    error_message = "public_api.concurrency: from 2 to 1000; half of it may be streams of events."
  }
  validation {
    condition     = var.public_api.timeout_s > 60 && var.public_api.timeout_s <= 3600
    error_message = "public_api.timeout_s: above 60, so that the limit for a body is the one that ends it, and at most 3600."
  }
}

variable "verifier" {
  type = object({
    # Most hours have no jobs; a cold start costs a job less than a second.
    min_instances = optional(number, 0)
    # So many jobs run at once; others wait in the table. It is what a day may cost, and what the database has to bear.
    max_instances = optional(number, 40)
    # Out of memory ends all that an instance does, and one job fills a processor: so one job.
    concurrency = optional(number, 1)
    # A compiler has one busy thread, and beside it there is little to do: decision 0013.
    cpu = optional(number, 1)
    # Files are memory here, too: compilers that are not in the image lie in what is left.
    memory_mib          = optional(number, 4096)
    compiler_memory_mib = optional(number, 2048)
    # Large inputs by the IR pipeline need more than five minutes.
    job_deadline_s = optional(number, 900)
    # One for the work, one for heartbeats.
    database_connections = optional(number, 2)
    # As COMPILER_ENGINES. The image has Python and no Node, so no solc before 0.6.2.
    engines = optional(string, "wasm,vyper")
  })
  description = "Size and autoscaling of internal-verifier."
  default     = {}
  validation {
    condition     = var.verifier.concurrency >= 1 && var.verifier.concurrency * (var.verifier.compiler_memory_mib + 1024) <= var.verifier.memory_mib
    error_message = "verifier: memory_mib has to hold `concurrency` compilers and 1024 MiB for each, or one job's compiler ends the others."
  }
  validation {
    condition     = var.verifier.min_instances >= 0 && var.verifier.max_instances >= max(1, var.verifier.min_instances)
    error_message = "verifier: max_instances is at least 1, and at least min_instances."
  }
  validation {
    condition     = contains([1, 2, 4, 6, 8], var.verifier.cpu)
    error_message = "verifier.cpu: 1, 2, 4, 6 or 8."
  }
  validation {
    condition     = alltrue([for engine in split(",", var.verifier.engines) : contains(["wasm", "vyper", "native"], engine)])
    error_message = "verifier.engines: of wasm, vyper and native. The image has no Node."
  }
  validation {
    condition     = var.verifier.memory_mib <= 4096 * var.verifier.cpu
    error_message = "verifier.memory_mib: the platform gives at most 4096 MiB for each vCPU."
  }
  validation {
    condition     = var.verifier.job_deadline_s >= 60 && var.verifier.job_deadline_s <= 3540
    error_message = "verifier.job_deadline_s: from 60 to 3540, a minute below the platform's longest request."
  }
  validation {
    condition     = var.verifier.database_connections >= 2 * var.verifier.concurrency
    error_message = "verifier.database_connections: one for the work and one for the heartbeats of each job."
  }
}

variable "database" {
  type = object({
    # Of the instance. That of a deleted one stays taken for a week.
    name = optional(string, "sourcerun")
    # What the tests run on. Another one is tried with them first.
    version = optional(string, "POSTGRES_15")
    tier    = optional(string, "db-custom-2-7680")
    # A second machine in another zone that takes over within a minute.
    regional     = optional(bool, true)
    disk_gib     = optional(number, 20)
    backups_kept = optional(number, 30)
  })
  description = "Size of the database. The disk grows by itself."
  default     = {}
  validation {
    condition     = can(regex("^db-custom-[0-9]+-[0-9]+$", var.database.tier))
    error_message = "database.tier: db-custom-PROCESSORS-MEBIBYTES; tiers that share a processor have no SLA."
  }
  validation {
    condition     = contains(["POSTGRES_15", "POSTGRES_16", "POSTGRES_17"], var.database.version)
    error_message = "database.version: POSTGRES_15, _16 or _17."
  }
  validation {
    condition     = var.database.regional || var.environment != "production"
    error_message = "database.regional: production does not stand still because of one zone."
  }
}

variable "subnet_range" {
  type        = string
  description = "Addresses for instances that reach into the network: two each, and twice as many during a deployment."
  default     = "10.10.0.0/24"
}

variable "requests_per_minute" {
  type        = number
  description = "What one client's address may ask in a minute before it is answered 429."
  default     = 1200
  validation {
    condition     = var.requests_per_minute >= 60
    error_message = "requests_per_minute: at least 60; whoever waits for a job asks every two seconds."
  }
}

variable "traced_part" {
  type        = number
  description = "Which part of requests leaves a trace, from 0 to 1."
  default     = 1
  validation {
    condition     = var.traced_part >= 0 && var.traced_part <= 1
    error_message = "traced_part: from 0 to 1."
  }
}

variable "prepare_compilers_at" {
  type        = string
  description = "When new compilers are prepared, as cron says it, in UTC. Null: only by hand."
  default     = "30 3 * * *"
}
