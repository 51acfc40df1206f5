"""Raw videos to training shards: `liax prepare`."""
