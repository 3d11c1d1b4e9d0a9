"""One API call: clients, retries, pacing, errors."""
