"""Makes the API calls and returns record batches: clients, retries, pages, writes. The only folder that uses
the network."""
