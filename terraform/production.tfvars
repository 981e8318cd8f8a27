# The sizes' defaults are production's: sizes.tf says why they are so.
environment         = "production"
deletion_protection = true

# A tenth of the traces shows what is slow; all of them cost more than the processors.
traced_part = 0.1
