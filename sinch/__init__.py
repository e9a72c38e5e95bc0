"""An async client for Sinch's XMS batches."""
