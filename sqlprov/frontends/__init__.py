"""One file for each way in; each uses only `connection`."""
