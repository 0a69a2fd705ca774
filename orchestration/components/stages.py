"""Names of the stages that are no export's, as they stand in `ops.stages`."""

RECONCILE = "reconcile deliveries"
PREPARE = "build models before identity"
IDENTITY = "resolve identity"
FORECAST = "forecast customers"
DECLARE = "declare experiments"
BUILD = "build models after identity"
EXPERIMENTS = "record experiments"
